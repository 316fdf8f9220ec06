package peer

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"ledge/packaging/pagetest"
	"ledge/replay/wire"
)

// The page's requests are those that a Server answers by itself, each with the fields that
// its type has.
func TestProtocolPage(t *testing.T) {
	const page = "PROTOCOL.md"
	var want []string
	for f := range reflect.TypeFor[wire.View]().Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "id" {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	subjects := []string{}
	for _, row := range pagetest.Table(t, page, "") {
		subjects = append(subjects, pagetest.Code(row[0])[0])
		for _, cell := range row[1:] {
			got := pagetest.Code(cell)
			slices.Sort(got)
			pagetest.Same(t, page, "field", got, want)
		}
	}
	answered := []string{}
	for subject := range NewServer(ServerConfig{}).answers {
		answered = append(answered, subject)
	}
	pagetest.Same(t, page, "subject", subjects, answered)
}
