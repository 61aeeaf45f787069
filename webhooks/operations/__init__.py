"""What people do with what is stored; each one function, behind several doors."""
