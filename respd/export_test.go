package respd

// CommandsWith is for tests that need scripts and commands of their own.
var CommandsWith = commandsWith
