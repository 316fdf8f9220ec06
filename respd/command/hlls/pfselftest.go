package hlls

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"ledge/respd/command"
	"ledge/respd/resp"
)

// PFSELFTEST
func pfselftest() *command.Spec {
	return family.Conn(command.Spec{
		Name: "pfselftest", Arity: 1, Flags: command.Admin | command.Slow, Since: "2.8.9",
		Complexity: "O(1), in some ten thousands of steps",
		Summary:    "Test HyperLogLogs on values of its own.",
	}, func(*command.Session, command.Args) resp.Value {
		if err := selfTest(rand.Uint64()); err != nil {
			return resp.FromError(err)
		}
		return resp.OK
	})
}

// selfTest tries dense registers with random numbers, and whether sparse and
// dense values agree and are as exact as they should be.
func selfTest(seed uint64) error {
	if err := testRegisters(rand.New(rand.NewPCG(seed, 0))); err != nil {
		return err
	}
	v, err := toDense(fresh())
	if err != nil {
		return err
	}
	const most = 100_000
	light, deviation := fresh(), 1.04/math.Sqrt(registers)
	element := make([]byte, 16)
	for n, next := 1, 1; n <= most; n++ {
		binary.LittleEndian.PutUint64(element, seed)
		binary.LittleEndian.PutUint64(element[8:], uint64(n))
		if v, _, err = add(v, element); err != nil {
			return err
		}
		if light, _, err = add(light, element); err != nil {
			return err
		}
		if n < next {
			continue
		}
		next *= 10
		a, errA := histogramOf(string(v))
		b, errB := histogramOf(string(light))
		if errA != nil || errB != nil || *a != *b {
			return resp.Error("TESTFAILED sparse and dense registers disagree")
		}
		bound := math.Ceil(6 * deviation * float64(n))
		if off := math.Abs(float64(a.estimate()) - float64(n)); off > bound {
			return resp.Error("TESTFAILED Too big error")
		}
	}
	return nil
}

func testRegisters(r *rand.Rand) error {
	const rounds = 10
	for range rounds {
		v := make([]byte, denseLen-headLen)
		var want union
		for i := range want {
			want[i] = uint8(r.IntN(regMax + 1))
			setDense(v, i, want[i])
		}
		var got union
		got.addDense(string(v))
		if got != want {
			return resp.Error("TESTFAILED a register is not what it was set to")
		}
	}
	return nil
}
