"""A print vendor that speaks Printful v1 and behaves like one: it checks, downloads, prints, ships and calls back."""
