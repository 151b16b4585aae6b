"""Files of runs and models: listed, shown, handed out. Nothing in them is run, here or in the browser."""
