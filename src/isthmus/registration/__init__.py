"""Where phones can be reached: the bindings that the site's registrar holds, and how they move with a person."""
