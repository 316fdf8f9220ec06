// Package value has what keys hold: blocks of memory for strings and elements,
// and a Body for each type of collection, made of trees of blocks.
//
// A type of collection is one file here (hash.go, list.go, set.go, zset.go): its
// body with what each effect does to it, its form in a snapshot, and the handle
// through which commands read it. The table in body.go lists them.
//
// A body that has been published never changes again. A Pen changes bodies: what
// the pen itself has made it changes in place, all else it copies first, a node
// of a tree at a time. So reading, copying and saving a collection need no lock,
// however large it is, and an undo is a list of steps to take back.
package value
