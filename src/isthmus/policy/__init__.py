"""What people may do and how it behaves for them: policies with their precedence, and licences."""
