// Package broker runs the embedded NATS server: its accounts, whom it lets in, its
// log, and how it is given the journal's stream and has it taken away again. Alone
// in importing nats-server.
//
// The server keeps the journal's stream and carries the traffic of operators and
// replicas. It has two accounts for that. Account JOURNAL has the stream; only this
// process can enter it. Account ADMIN is for everybody else, and has a JetStream without
// streams for programs that look for one. Who may enter it, and what each may say and
// hear, is for the packages that answer there: Config.Users.
//
// The server is started without its stream. Stream.Load has it load the stream, Unload
// takes the stream out, and in between nothing but the server writes to the
// stream's files. Two things about it are not as one would think:
//
//   - A stream that it can't load it deletes. So Load gives all files a second
//     name first: see Guard.
//   - A write error it tells its log and nobody else; whoever has published hears
//     nothing. So its log is listened to: see Stream.Sick.
package broker
