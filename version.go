package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	urfave "github.com/urfave/cli/v2"

	"ledge/appliance"
)

// commit and date are what the program was made of, told by the linker:
// the commit's hash and its time in RFC 3339. packaging/build sets them. Without
// them the go command's own stamps say it, where it has made any.
var commit, date string

// origin returns the commit that the program was made of and the day of it.
// Either is "" if that isn't known. A commit with changes since ends in "+".
func origin() (hash, day string) {
	hash, day = commit, date
	info, ok := debug.ReadBuildInfo()
	if hash == "" && ok {
		stamps := make(map[string]string)
		for _, s := range info.Settings {
			stamps[s.Key] = s.Value
		}
		hash, day = stamps["vcs.revision"], stamps["vcs.time"]
		if len(hash) > 12 {
			hash = hash[:12]
		}
		if stamps["vcs.modified"] == "true" {
			hash += "+"
		}
	}
	if t, err := time.Parse(time.RFC3339, day); err == nil {
		day = t.UTC().Format(time.DateOnly)
	}
	return hash, day
}

func printVersion(c *urfave.Context) error {
	from := ""
	if hash, day := origin(); hash != "" {
		from = "commit " + hash + ", "
		if day != "" {
			from = "commit " + hash + " of " + day + ", "
		}
	}
	_, err := fmt.Fprintf(c.App.Writer, "ledge %s (%s%s, %s/%s)\n",
		appliance.Version, from, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
