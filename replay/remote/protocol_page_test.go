package remote

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ledge/packaging/pagetest"
	"ledge/replay/cluster"
	"ledge/replay/wire"
)

const protocolPage = "PROTOCOL.md"

// The page's requests are those there are, each with the fields that its type has.
func TestProtocolPage(t *testing.T) {
	types := map[string][2]reflect.Type{
		subjectHello:  {reflect.TypeFor[helloRequest](), reflect.TypeFor[helloReply]()},
		subjectFetch:  {reflect.TypeFor[fetchRequest]()},
		subjectMeta:   {reflect.TypeFor[metaRequest](), reflect.TypeFor[metaReply]()},
		subjectChunk:  {reflect.TypeFor[chunkRequest]()},
		subjectReport: {reflect.TypeFor[report](), reflect.TypeFor[reportReply]()},
		subjectLead:   {reflect.TypeFor[leadRequest]()},
		subjectView:   {reflect.TypeFor[wire.View](), reflect.TypeFor[wire.View]()},

		subjectPublish: {reflect.TypeFor[tell]()},
	}
	words := []string{string(startTail), string(startBegin), string(startSnapshot), kindEnd, "Ledge-Checksum", "{}"}
	rows := pagetest.Table(t, protocolPage, "")
	for _, row := range rows {
		subject := pagetest.Code(row[0])[0]
		pair, ok := types[subject]
		if !ok || !strings.HasPrefix(subject, strings.TrimSuffix(Subjects, ">")) {
			t.Errorf("%s has a request %s, which there is not", protocolPage, subject)
			continue
		}
		for i, typ := range pair {
			got := slices.DeleteFunc(pagetest.Code(row[1+i]), func(s string) bool { return slices.Contains(words, s) })
			want := tags(typ)
			slices.Sort(got)
			slices.Sort(want)
			pagetest.Same(t, protocolPage, subject+"'s field", got, want)
		}
		delete(types, subject)
	}
	for subject := range types {
		t.Errorf("%s lacks %s", protocolPage, subject)
	}
}

// tags returns the names of a message's fields.
func tags(typ reflect.Type) (list []string) {
	if typ == nil {
		return nil
	}
	for f := range typ.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		list = append(list, name)
	}
	return list
}

// The page's kinds of messages are those there are, and so are the bounds that it
// says, and the headers.
func TestMessagesPage(t *testing.T) {
	text, err := os.ReadFile(protocolPage)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	_, rest, _ := strings.Cut(string(text), "A message of a fetch has its kind")
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "| `") {
			got = append(got, pagetest.Code(line)[0])
		} else if len(got) > 0 {
			break
		}
	}
	pagetest.Same(t, protocolPage, "kind of message", got, []string{kindFrames, kindBeat, kindPosts, kindOffer, kindEnd})
	for _, want := range []string{
		"`" + headerKind + "`", "`" + headerLast + "`", "`" + wire.HeaderClass + "`", "`" + wire.HeaderError + "`", "`" + wire.HeaderCode + "`",
		"`" + headerSum + "`", "`" + headerReason + ": " + reasonDiverged + "`", fmt.Sprintf("Version %d.", Version),
		fmt.Sprintf("at most %d MiB or %d s", fetchBytes>>20, int(fetchWait.Seconds())),
		fmt.Sprintf("| JSON | at most %d KiB |", wire.MaxJSON>>10),
		fmt.Sprintf("at most %d KiB, %d nodes", wire.MaxViewJSON>>10, cluster.MostNodes), fmt.Sprintf("1 to %d letters, digits, `-`, `_`", wire.MaxName),
		fmt.Sprintf("a name of at most %d letters", wire.MaxHost), fmt.Sprintf("of at most %d and %d bytes", wire.MaxURL, wire.MaxPass),
		fmt.Sprintf("chunks of %d KiB to %d MiB that add up", minChunk>>10, maxChunk>>20),
		fmt.Sprintf("cut at %d characters", wire.MaxText),
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %q", protocolPage, want)
		}
	}
}
