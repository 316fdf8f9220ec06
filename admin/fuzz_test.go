package admin

import "testing"

// A request that is refused must be the fault of who wrote it: anything else
// would be told as a fault of the node.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{"", " ", "{}", `{"name":"a"}`, `{"name":1}`, `{"other":1}`, "{}{}", "[", "null", "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, request []byte) {
		var args struct {
			Name  string   `json:"name"`
			Count int64    `json:"count"`
			List  []string `json:"list"`
		}
		err := parse(request, &args)
		if _, ok := err.(badRequest); err != nil && !ok {
			t.Errorf("parse(%q) = %T %v; want a badRequest", request, err, err)
		}
	})
}
