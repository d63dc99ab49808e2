"""A web page that shows the maps of a camera or a video live."""
