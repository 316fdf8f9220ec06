package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	urfave "github.com/urfave/cli/v2"

	"ledge/appliance"
)

// Made is what the program was made of, as the linker was told: the commit's hash and its
// time in RFC 3339. Where it is empty the go command's own stamps say it, where it has
// made any.
type Made struct{ Commit, Date string }

// origin returns the commit that the program was made of and the day of it.
// Either is "" if that isn't known. A commit with changes since ends in "+".
func (m Made) origin() (hash, day string) {
	hash, day = m.Commit, m.Date
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

// Day returns the day of the commit, "" if that isn't known.
func (m Made) Day() string {
	_, day := m.origin()
	return day
}

// Print says which program this is.
func (m Made) Print(c *urfave.Context) error {
	from := ""
	if hash, day := m.origin(); hash != "" {
		from = "commit " + hash + ", "
		if day != "" {
			from = "commit " + hash + " of " + day + ", "
		}
	}
	_, err := fmt.Fprintf(c.App.Writer, "ledge %s (%s%s, %s/%s)\n",
		appliance.Version, from, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
