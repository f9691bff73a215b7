"""What people look at in a browser. Each page is a file of `static`, served by the site itself and by nobody else."""
