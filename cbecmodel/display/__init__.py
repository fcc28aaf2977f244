"""Numbers, tables, figures and path diagrams from plain frames; knows no statistics."""
