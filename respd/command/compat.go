package command

// CompatVersion is the version of Redis whose behaviour we keep. Clients ask
// for it in HELLO and INFO and choose by it what they may send.
const CompatVersion = "7.0.15"
