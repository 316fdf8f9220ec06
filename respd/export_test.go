package respd

// CommandsWith is for tests that need scripts and commands of their own.
var CommandsWith = commandsWith

// SocketBytes is for tests of what sockets may have with many clients.
var SocketBytes = socketBytes
