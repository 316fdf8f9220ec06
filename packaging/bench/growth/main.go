// Growth prints how long an operation takes on a collection of ten thousand
// members, a hundred thousand, a million: on redis-server and on ledge, side by
// side. What should take the same time at any size shows here when it doesn't.
// growth.sh starts the two servers and runs it.
//
//	growth -redis ADDR -ledge ADDR [-sizes 10000,100000,1000000] [-ops NAME,…]
//
// A figure is the median of a few rounds, each of a pipeline of one command
// after the other, divided by their number; a round trip is in it only once.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

func main() {
	redis := flag.String("redis", "127.0.0.1:6379", "address of redis-server")
	ledge := flag.String("ledge", "127.0.0.1:6380", "address of ledge")
	sizes := flag.String("sizes", "10000,100000,1000000", "numbers of members")
	only := flag.String("ops", "", "the only operations to measure, with commas between them")
	rounds := flag.Int("rounds", 5, "rounds, of which the median counts")
	flag.Parse()
	if err := run([2]string{*redis, *ledge}, *sizes, *only, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "growth:", err)
		os.Exit(1)
	}
}

func run(addrs [2]string, sizes, only string, rounds int) error {
	var ns []int
	for _, s := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return fmt.Errorf("size %q is not a positive number", s)
		}
		ns = append(ns, n)
	}
	var servers [2]*server
	for i, addr := range addrs {
		s, err := dial(addr)
		if err != nil {
			return err
		}
		defer s.close()
		servers[i] = s
	}
	fmt.Print("| µs for each |")
	for _, n := range ns {
		fmt.Printf(" redis %s | ledge %s |", short(n), short(n))
	}
	fmt.Printf(" redis grows | ledge grows |\n|---|%s---:|---:|\n", strings.Repeat("---:|---:|", len(ns)))
	for _, c := range collections {
		lines, err := c.measure(servers, ns, only, rounds)
		if err != nil {
			return err
		}
		for _, l := range lines {
			fmt.Println(l)
		}
	}
	return nil
}

// measure returns a line of the table for each operation of a collection. All
// of them are measured at one size before the next, because filling takes long.
func (c collection) measure(servers [2]*server, sizes []int, only string, rounds int) ([]string, error) {
	var ops []op
	for _, o := range c.ops {
		if only == "" || slices.Contains(strings.Split(only, ","), o.name) {
			ops = append(ops, o)
		}
	}
	if len(ops) == 0 {
		return nil, nil
	}
	figures := make([][]float64, len(ops)) // redis, ledge at each size in turn
	for _, n := range sizes {
		for _, s := range servers {
			err := s.fill(c, n)
			for i, o := range ops {
				us := none
				if err == nil {
					us = s.time(c, o, n, rounds)
				}
				figures[i] = append(figures[i], us)
			}
			if err := s.drop(); err != nil {
				return nil, err
			}
		}
	}
	var lines []string
	for i, o := range ops {
		lines = append(lines, line(o.name, figures[i]))
	}
	return lines, nil
}

// none is the figure of an operation that a server doesn't have.
const none = -1.0

func line(name string, figures []float64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |", name)
	for _, f := range figures {
		b.WriteString(cell(f, "%.2f"))
	}
	for i := range 2 {
		grows := none
		if first, last := figures[i], figures[len(figures)-2+i]; first > 0 && last > 0 {
			grows = last / first
		}
		b.WriteString(cell(grows, "×%.1f"))
	}
	return b.String()
}

func cell(f float64, format string) string {
	if f == none {
		return " – |"
	}
	return " " + fmt.Sprintf(format, f) + " |"
}

func short(n int) string {
	switch {
	case n%1_000_000 == 0:
		return strconv.Itoa(n/1_000_000) + "M"
	case n%1000 == 0:
		return strconv.Itoa(n/1000) + "k"
	}
	return strconv.Itoa(n)
}
