package rdb

// Seal adds the footer of a version to a body.
func Seal(body string, version uint16) string { return string(seal([]byte(body), 0, version)) }

// CompressorTries is how long a string must be for Append to try to compress it.
const CompressorTries = lzfMin + 1

// ListpackOf and ZiplistOf write packed forms; a ziplist is only read otherwise.
func ListpackOf(elems ...string) string {
	var l listpack
	l.reset()
	for _, s := range elems {
		l.add(s)
	}
	return string(l.blob())
}
