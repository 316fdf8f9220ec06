package lua

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the listings in testdata anew")

// The code of a chunk is Lua 5.1's, instruction by instruction: the listings
// were compared with what luac 5.1.5 makes of the same text.
func TestCode(t *testing.T) {
	files, err := filepath.Glob("testdata/compile/*.lua")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(string(text), "@test")
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		list(&b, p, "")
		golden := strings.TrimSuffix(file, ".lua") + ".code"
		if *update {
			if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		gotLines, wantLines := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
		for i, line := range gotLines {
			if i >= len(wantLines) || line != wantLines[i] {
				t.Errorf("%s:%d: got %q; want %q", golden, i+1, line, wantLines[min(i, len(wantLines)-1)])
				break
			}
		}
	}
}

var opcodes = strings.Fields(`MOVE LOADK LOADBOOL LOADNIL GETUPVAL GETGLOBAL GETTABLE SETGLOBAL
	SETUPVAL SETTABLE NEWTABLE SELF ADD SUB MUL DIV MOD POW UNM NOT LEN CONCAT JMP EQ LT LE TEST
	TESTSET CALL TAILCALL RETURN FORLOOP FORPREP TFORLOOP SETLIST CLOSE CLOSURE VARARG`)

// list prints all that a function is.
func list(b *strings.Builder, p *Proto, indent string) {
	fmt.Fprintf(b, "%sfunction %d-%d: %d upvalues, %d parameters, vararg %t, arg %t %t, %d registers\n",
		indent, p.Line, p.Last, p.NumUps, p.NumParams, p.IsVararg, p.HasArg, p.NeedsArg, p.MaxStack)
	for i, c := range p.Code {
		fmt.Fprintf(b, "%s%d [%d] %s %d %d %d\n", indent, i, p.Lines[i], opcodes[c.op()], c.a(), c.b(), c.c())
	}
	for _, k := range p.K {
		if k.IsNumber() {
			fmt.Fprintf(b, "%sconstant %v\n", indent, k.Float())
		} else {
			fmt.Fprintf(b, "%sconstant %v %t %q\n", indent, k.Kind(), k.Truth(), k.Str())
		}
	}
	for _, l := range p.Locals {
		fmt.Fprintf(b, "%slocal %q %d-%d\n", indent, l.Name, l.From, l.To)
	}
	for _, name := range p.UpNames {
		fmt.Fprintf(b, "%supvalue %q\n", indent, name)
	}
	for _, inner := range p.P {
		list(b, inner, indent+"  ")
	}
}

// Compiling takes time that is linear in the text: what is quadratic in Lua 5.1
// (long lists of jumps, names looked up through many functions) is not here.
func TestCompileLinear(t *testing.T) {
	deep := "local a0 = 1 "
	for i := range 60 {
		deep += fmt.Sprintf("return function() local %s ", strings.TrimSuffix(strings.Repeat(fmt.Sprintf("b%d,", i), 100), ","))
	}
	for name, make := range map[string]func(n int) string{
		"elseif": func(n int) string { return "if a then " + strings.Repeat("elseif a then ", n) + "end" },
		"break":  func(n int) string { return "while 1 do " + strings.Repeat("do break end ", n) + "end" },
		"and":    func(n int) string { return "x = a" + strings.Repeat(" and a", n) },
		"or":     func(n int) string { return "x = a" + strings.Repeat(" or a", n) },
		"not": func(n int) string {
			return "x = " + strings.Repeat("not ", 190) + "(a" + strings.Repeat(" and a", n) + ")"
		},
		"brackets": func(n int) string {
			return "-- " + strings.Repeat("[=]", n) + "\n--[[" + strings.Repeat("]=", n) + "]]"
		},
		"quotes":  func(n int) string { return "x = '" + strings.Repeat("\\\n", n) + "'" },
		"global":  func(n int) string { return deep + strings.Repeat("g() ", n) + strings.Repeat("end ", 60) },
		"upvalue": func(n int) string { return deep + strings.Repeat("a0() ", n) + strings.Repeat("end ", 60) },
		"strings": func(n int) string { return "x = {" + strings.Repeat("'aaaaaaaaaaaaaaaaaaaa',", n) + "}" },
	} {
		const bound = 100 // it is 16 times the text, and 256 times the time if that is quadratic
		short, long := compiling(t, make(4000)), compiling(t, make(64000))
		for again := 0; again < 3 && long > bound*short+100*time.Millisecond; again++ {
			short, long = compiling(t, make(4000)), compiling(t, make(64000))
		}
		t.Logf("%s: %v, 16 times the text %v", name, short, long)
		if long > bound*short+100*time.Millisecond {
			t.Errorf("%s: %v for 4000 and %v for 64000; want 16 times", name, short, long)
		}
	}
}

// compiling returns the processor time of a compilation: a clock would tell what else the
// machine does.
func compiling(t *testing.T, text string) time.Duration {
	t.Helper()
	began := used(t)
	if _, err := Compile(text, "=x"); err != nil && !strings.Contains(err.Error(), "too long") {
		t.Fatal(err)
	}
	return used(t) - began
}

// used returns the processor time that the process has taken.
func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestChunkID(t *testing.T) {
	for name, want := range map[string]string{
		"@user_script":                "user_script",
		"@" + strings.Repeat("x", 52): strings.Repeat("x", 52),
		"@" + strings.Repeat("x", 53): "..." + strings.Repeat("x", 52),
		"=" + strings.Repeat("x", 60): strings.Repeat("x", 59),
		"=":                           "",
		"":                            `[string ""]`,
		"return 1":                    `[string "return 1"]`,
		"return 1\nx":                 `[string "return 1..."]`,
		"\n":                          `[string "..."]`,
		strings.Repeat("y", 43):       `[string "` + strings.Repeat("y", 43) + `"]`,
		strings.Repeat("y", 44):       `[string "` + strings.Repeat("y", 43) + `..."]`,
		"a\x00b":                      `[string "a"]`,
		"@a\x00b":                     "a",
	} {
		if got := ChunkID(name); got != want {
			t.Errorf("ChunkID(%q) = %q; want %q", name, got, want)
		}
	}
}

// FuzzCompile gives the compiler any text. It must say what is wrong or make code
// whose every reference is inside of it.
func FuzzCompile(f *testing.F) {
	files, _ := filepath.Glob("testdata/compile/*.lua")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("x = \x00 '\\300' [==[ 0x 1e+ --[[")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Compile(text, "=x")
		if err != nil {
			if p != nil || !strings.HasPrefix(err.Error(), "x:") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		sound(t, p)
	})
}

// sound looks after what the machine relies on.
func sound(t *testing.T, p *Proto) {
	t.Helper()
	if len(p.Lines) != len(p.Code) || len(p.UpNames) != p.NumUps || p.MaxStack > maxStackSize || p.NumParams > p.MaxStack {
		t.Fatalf("%d lines for %d instructions, %d names for %d upvalues, %d registers, %d parameters",
			len(p.Lines), len(p.Code), len(p.UpNames), p.NumUps, p.MaxStack, p.NumParams)
	}
	if last := p.Code[len(p.Code)-1]; last.op() != OpReturn {
		t.Fatalf("ends with %v", last)
	}
	for pc := 0; pc < len(p.Code); pc++ {
		i := p.Code[pc]
		bad := false
		switch i.op() {
		case OpLoadK, OpGetGlobal, OpSetGlobal:
			bad = i.bx() >= len(p.K) || i.a() >= p.MaxStack
		case OpJmp, OpForLoop, OpForPrep:
			to := pc + 1 + i.sbx()
			bad = to < 0 || to >= len(p.Code) || i.op() != OpJmp && i.a()+3 >= p.MaxStack
		case OpClosure:
			if bad = i.bx() >= len(p.P); !bad {
				pc += p.P[i.bx()].NumUps
			}
		case OpSetList:
			if i.c() == 0 {
				pc++
			}
		case OpAdd, OpSub, OpMul, OpDiv, OpMod, OpPow, OpEq, OpLt, OpLe, OpSetTable:
			for _, x := range []int{i.b(), i.c()} {
				bad = bad || isK(x) && x&^bitRK >= len(p.K) || !isK(x) && x >= p.MaxStack
			}
		case OpTestSet, OpTest, OpMove, OpUnm, OpNot, OpLen, OpNewTable:
			bad = i.a() >= p.MaxStack
		case OpTForLoop:
			bad = i.a()+2+max(i.c(), 3) >= p.MaxStack
		case OpCall, OpTailCall:
			bad = i.a()+max(i.b(), 1) > p.MaxStack || i.a()+max(i.c()-1, 0) > p.MaxStack
		}
		if bad || i.op() > OpVararg {
			t.Fatalf("instruction %d: %s %d %d %d of %d registers, %d constants", pc, opcodes[min(i.op(), OpVararg)], i.a(), i.b(), i.c(), p.MaxStack, len(p.K))
		}
	}
	for _, inner := range p.P {
		sound(t, inner)
	}
}
