package compat_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ledge/respd/lua"
	"ledge/respd/resp"
)

var (
	compileSeed  = flag.Uint64("compile.seed", 0, "seed of TestCompileErrors; 0 is a fixed one, and then one that is drawn")
	compileCount = flag.Int("compile.count", 6000, "scripts of TestCompileErrors for each seed")
)

// What the compiler says of scripts that are wrong is what Redis says, whatever
// is wrong: scripts are cut, and have tokens and bytes changed at random.
func TestCompileErrors(t *testing.T) {
	addr := startRedis(t)
	seeds := []uint64{fixedSeed, uint64(time.Now().UnixNano())}
	if *compileSeed != 0 {
		seeds = []uint64{*compileSeed}
	}
	for _, text := range append(brokenScripts(), corpus(t)...) {
		compareCompiler(t, addr, []string{text})
	}
	for _, seed := range seeds {
		t.Logf("again with -compile.seed=%d", seed)
		rnd := rand.New(rand.NewPCG(seed, 0))
		texts := corpus(t)
		pieces := strings.Fields(strings.Join(texts, " "))
		for n := 0; n < *compileCount && !t.Failed(); {
			var batch []string
			for range 200 {
				batch = append(batch, mutated(rnd, texts, pieces))
			}
			n += len(batch)
			compareCompiler(t, addr, batch)
		}
	}
}

// compareCompiler loads scripts in Redis and compiles them here.
func compareCompiler(t *testing.T, addr string, texts []string) {
	t.Helper()
	c := connect(t, addr, 2)
	defer c.nc.Close()
	var out []byte
	for _, text := range texts {
		out = resp.AppendCommand(out, "SCRIPT", "LOAD", text)
	}
	if _, err := c.nc.Write(out); err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		v, err := c.r.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		want := strings.TrimPrefix(v.ErrorText(), "ERR Error compiling script (new function): ")
		got := ""
		if _, err := lua.Compile(text, "@user_script"); err != nil {
			got = strings.NewReplacer("\r", " ", "\n", " ").Replace(err.Error())
		}
		if got != want {
			t.Errorf("%.300q:\n got %.300q\nwant %.300q", text, got, want)
		}
	}
}

// corpus is scripts that are right.
func corpus(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../lua/testdata/compile/*.lua")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts to change: %v", err)
	}
	var texts []string
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(b))
	}
	return append(texts, luas...)
}

// tokens are what is put into scripts.
var tokens = strings.Split(`and break do else elseif end false for function if in local nil not or repeat return `+
	`then true until while .. ... == >= <= ~= = < > + - * / % ^ # ( ) { } [ ] ; : , . ~ @ $ ! & "a" 'b' [[c]] [==[d]==] `+
	`"\300" "\1234" '\ "\q" 0x 0x1p4 1e 1e+ 3..2 1.2.3 5x .5 --[[ --[==[ -- [= ]=] [==x goto continue \`, " ")

func mutated(rnd *rand.Rand, texts, pieces []string) string {
	text := texts[rnd.IntN(len(texts))]
	if len(text) > 300 {
		// A part of it, so that the first fault is not always near its beginning.
		from := rnd.IntN(len(text) - 200)
		text = text[from : from+rnd.IntN(len(text)-from)]
	}
	for range 1 + rnd.IntN(3) {
		at := rnd.IntN(len(text) + 1)
		end := min(len(text), at+rnd.IntN(6))
		switch rnd.IntN(7) {
		case 0:
			text = text[:at]
		case 1:
			text = text[:at] + text[end:]
		case 2:
			text = text[:at] + string(rune(rnd.IntN(128))) + text[end:]
		case 3:
			text = text[:at] + string([]byte{byte(rnd.IntN(256))}) + text[at:]
		case 4:
			text = text[:at] + " " + tokens[rnd.IntN(len(tokens))] + " " + text[at:]
		case 5:
			text = text[:at] + tokens[rnd.IntN(len(tokens))] + text[end:]
		case 6:
			text = text[:at] + " " + pieces[rnd.IntN(len(pieces))] + " " + text[end:]
		}
	}
	return text
}

// brokenScripts are at the limits, and just past them.
func brokenScripts() []string {
	repeat := strings.Repeat
	list := func(n int, item string) string { return strings.TrimSuffix(repeat(item+",", n), ",") }
	texts := []string{
		"\x00", "x=1\x00 y=2 z", "x=a.\x00b z", "x=\"a\x00b", "x=1\x00+", "\x7f", "\xff", "\x1bLua", "#x",
		"x = [[ a [[ b ]] ", "x = \"a\\\r\n\rb\" @", "\r\n\r\n\n\r@", "f\n(x)", "a.b:c = 1", "f() = 1", "(a) = 1", "(a) 1",
		"for a.b in c do end", "for a, do end", "for 1", "if x then\n\n\n", "local function a.b() end", "f(", "f(\n",
		"function f(a, ..., b) end", "function f() return ... end", "break", "while 1 do function f() break end end",
		"return return", "return 1 2", "goto x", "::x::", "x = }", "local x <const> = 1", "x = 1 // 2", "a, b", "a, f() = 1",
		"x = '" + repeat("y", 500), "x = " + repeat("z", 300) + " 1", "x = [" + repeat("=", 99), "--[" + repeat("=", 99) + "[",
	}
	for _, n := range []int{197, 198, 199, 200, 201} {
		texts = append(texts,
			"return "+repeat("(", n)+"1"+repeat(")", n), "x = "+repeat("{", n)+repeat("}", n),
			"x = "+repeat("not ", n)+"1", "x = 1"+repeat("..1", n), "x = 1"+repeat("^1", n),
			repeat("do ", n)+repeat("end ", n), repeat("if x then ", n)+repeat("end ", n),
			"x = "+repeat("function() return ", n/2)+"1"+repeat(" end", n/2), "x = "+repeat("a[", n)+"1"+repeat("]", n),
			"local "+list(n, "a"), "local "+list(n-3, "a")+" for i = 1, 2 do end", list(n, "a")+" = 1",
			"function f() "+list(n, "a")+" = 1 end", "\nfunction f() local "+list(n, "a")+" end",
		)
	}
	for _, n := range []int{59, 60, 61} {
		texts = append(texts, "local "+list(n, "a")+"\nfunction f() "+repeat("g() ", n)+" end")
		ups, uses := "", ""
		for i := range n {
			name := "v" + string(rune('a'+i/26)) + string(rune('a'+i%26))
			ups, uses = ups+"local "+name+" ", uses+name+"="
			uses = uses[:len(uses)-1] + "() "
		}
		texts = append(texts, ups+"\n\nfunction f() "+uses+"end", ups+"x = function() return function() "+uses+" end end")
	}
	for _, n := range []int{245, 246, 247, 248, 249, 250, 251} {
		texts = append(texts, "f("+list(n, "a")+")", "local x = {f("+list(n, "1")+")}", "return "+list(n, "a"), "x = a"+repeat(" .. a", n))
	}
	for _, n := range []int{32766, 32767, 32768} {
		texts = append(texts, repeat("do local a end ", n), "while x do "+repeat("a.b = c ", n)+" end")
	}
	for _, n := range []int{43690, 43691, 65535, 65536, 131071} {
		texts = append(texts, "while x do "+repeat("f() ", n)+"end", "for i = 1, 2 do "+repeat("f() ", n)+"end",
			"repeat "+repeat("f() ", n)+"until x", "if x then "+repeat("f() ", n)+"else "+repeat("f() ", n)+"end")
	}
	return append(texts, "x = {"+repeat("function() end,", 262144)+"}")
}
