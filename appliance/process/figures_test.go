package process_test

import (
	"os"
	"runtime"
	"testing"

	"ledge/appliance/process"
)

// The figures are those of this process, and what is done shows in them.
func TestFigures(t *testing.T) {
	before := process.ReadFigures()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	runtime.GC()
	after := process.ReadFigures()
	if after.Collections <= before.Collections || after.LastCollection.IsZero() {
		t.Errorf("%d collections after one, %d before; want more", after.Collections, before.Collections)
	}
	for name, n := range map[string]int64{
		"goroutines": after.Goroutines, "processors": after.Processors, "objects": after.Objects, "mapped": after.Mapped,
		"allocated": after.Allocated, "mallocs": after.Mallocs, "next collection": after.NextCollection,
		"cpu": int64(after.User + after.System), "most files": after.MostFiles,
	} {
		if n <= 0 {
			t.Errorf("%s = %d; want more than none", name, n)
		}
	}
	if runtime.GOOS != "linux" {
		return
	}
	if after.Files <= before.Files {
		t.Errorf("%d files after one was opened, %d before; want more", after.Files, before.Files)
	}
	if after.Resident <= 0 || after.Virtual < after.Resident || after.Threads < 1 {
		t.Errorf("resident %d, virtual %d, threads %d; want all, and the first not above the second",
			after.Resident, after.Virtual, after.Threads)
	}
}
