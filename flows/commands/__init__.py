"""The commands of `meshmill`, one file each: `register` adds the command's parser, and its handler runs it."""
