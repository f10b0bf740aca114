"""An exchange in a box: a Gate v4 face on the matching core."""
