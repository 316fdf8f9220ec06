package appliance_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
)

// counts has a client count in turn in each way it has, until it is told to end. A way
// returns how many INCRs were answered.
func counts(name string, closed func(), ways ...func(i int) (int, error)) *counting {
	stop, said := make(chan struct{}), make(chan string)
	go func() {
		acked, failed, last := 0, 0, ""
		for i := 0; ; i++ {
			select {
			case <-stop:
				said <- fmt.Sprintln(acked, failed, last)
				return
			default:
			}
			n, err := ways[i%len(ways)](i % 20)
			if acked += n; err != nil {
				failed, last = failed+1, fmt.Sprintf("way %d: %v", i%len(ways), err)
			}
		}
	}()
	return &counting{name, func() string {
		close(stop)
		defer closed()
		return <-said
	}}
}

// one is one INCR that was answered, or not.
func one(err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return 1, nil
}

var errPopped = errors.New("another item was popped")

// goRedisMoves is go-redis: single commands, pipelines, transactions, WATCH, and BLPOP.
func goRedisMoves(t *testing.T, addr string) *counting {
	// It takes an answer that is 3 s late for an error unless told, and so late may the whole machine be.
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}, DisableIdentity: true, MaintNotificationsConfig: plainly, ReadTimeout: patience(10 * time.Second)})
	ctx := context.Background()
	return counts("go-redis", func() { c.Close() },
		func(i int) (int, error) { return one(c.Incr(ctx, fmt.Sprint("go-redis:", i)).Err()) },
		func(int) (int, error) {
			got, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
				for k := range 20 {
					p.Incr(ctx, fmt.Sprint("go-redis:", k))
				}
				return nil
			})
			return len(got), err
		},
		func(i int) (int, error) {
			got, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Incr(ctx, fmt.Sprintf("{go-redis:%d}:a", i))
				p.Incr(ctx, fmt.Sprintf("{go-redis:%d}:b", i))
				return nil
			})
			return len(got), err
		},
		func(i int) (int, error) {
			key := fmt.Sprintf("{go-redis:%d}:a", i)
			err := c.Watch(ctx, func(tx *redis.Tx) error {
				n, err := tx.Get(ctx, key).Int64()
				if err != nil && !errors.Is(err, redis.Nil) {
					return err
				}
				_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.Set(ctx, key, n+1, 0).Err() })
				return err
			}, key)
			var reply redis.Error
			switch {
			case err == nil:
				return 1, nil
			case errors.Is(err, redis.TxFailedErr), errors.As(err, &reply) &&
				(strings.HasPrefix(err.Error(), "MOVED ") || strings.HasPrefix(err.Error(), "EXECABORT ")):
				// The key has moved before EXEC. go-redis gives what fails in the function to the application,
				// which is to try again, as for TxFailedErr.
				return 0, nil
			}
			return 0, err
		},
		func(i int) (int, error) {
			key := fmt.Sprintf("{go-redis:%d}:list", i)
			popped := make(chan error, 1)
			go func() {
				got, err := c.BLPop(ctx, 30*time.Second, key).Result()
				if err == nil && got[1] != strconv.Itoa(i) {
					err = errPopped
				}
				popped <- err
			}()
			err := c.RPush(ctx, key, i).Err()
			return 0, errors.Join(err, <-popped)
		})
}

// rueidisMoves is rueidis: single commands, pipelines, and BLPOP.
func rueidisMoves(t *testing.T, addr string) *counting {
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true, ConnWriteTimeout: patience(20 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	return counts("rueidis", c.Close,
		func(i int) (int, error) {
			return 1, c.Do(ctx, c.B().Incr().Key(fmt.Sprint("rueidis:", i)).Build()).Error()
		},
		func(int) (n int, err error) {
			var list rueidis.Commands
			for k := range 20 {
				list = append(list, c.B().Incr().Key(fmt.Sprint("rueidis:", k)).Build())
			}
			for _, r := range c.DoMulti(ctx, list...) {
				if r.Error() == nil {
					n++
				}
				err = errors.Join(err, r.Error())
			}
			return n, err
		},
		func(i int) (int, error) {
			key := fmt.Sprintf("{rueidis:%d}:list", i)
			popped := make(chan error, 1)
			go func() {
				got, err := c.Do(ctx, c.B().Blpop().Key(key).Timeout(30).Build()).AsStrSlice()
				if err == nil && got[1] != strconv.Itoa(i) {
					err = errPopped
				}
				popped <- err
			}()
			err := c.Do(ctx, c.B().Rpush().Key(key).Element(strconv.Itoa(i)).Build()).Error()
			return 0, errors.Join(err, <-popped)
		})
}

// redisCli is redis-cli -c, which is told what to count.
func redisCli(t *testing.T, addr string) *counting {
	host, port, _ := strings.Cut(addr, ":")
	cmd := exec.Command("redis-cli", "-c", "-h", host, "-p", port)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	return counts("redis-cli", func() { in.Close(); _ = cmd.Wait() },
		func(i int) (int, error) {
			if _, err := fmt.Fprintf(in, "INCR redis-cli:%d\n", i); err != nil {
				return 0, err
			}
			for lines.Scan() {
				if text := lines.Text(); text == "" || strings.HasPrefix(text, "-> Redirected") {
					continue
				}
				_, err := strconv.Atoi(strings.TrimPrefix(lines.Text(), "(integer) "))
				return 1, err
			}
			return 0, lines.Err()
		})
}

// benchmark runs redis-benchmark --cluster again and again. It says what has failed.
func benchmark(t *testing.T, addr string) *counting {
	host, port, _ := strings.Cut(addr, ":")
	return counts("redis-benchmark", func() {}, func(int) (int, error) {
		out, err := exec.Command("redis-benchmark", "--cluster", "-h", host, "-p", port, "-t", "set,get", "-n", "5000", "-c", "10", "-r", "1000", "-q").CombinedOutput()
		if err != nil || strings.Contains(string(out), "rror") {
			return 0, fmt.Errorf("%v: %s", err, out)
		}
		return 0, nil
	})
}

// Half of the slots move to and fro while clients of clusters, as they are, count in all ways
// that they have: no application sees an error, and each INCR that was answered is counted
// once.
//
//	go test ./appliance -run TestClientsWhileSlotsMove -v -rounds 1000
func TestClientsWhileSlotsMove(t *testing.T) {
	rounds := numberOfRounds(40, 6)
	m := newMovers(t)
	m.end(m.begin("12288-16383", 0), patience(time.Minute)) // redis-benchmark wants two nodes with slots
	clients := append(clientPrograms(t, m.addrs[0], "-moves"), goRedisMoves(t, m.addrs[0]), rueidisMoves(t, m.addrs[0]),
		redisCli(t, m.addrs[0]), benchmark(t, m.addrs[0]))
	at := plainClients(t, m.addrs, nil)
	counted := func(name string) (sum int) {
		for i := range 20 {
			for _, form := range []string{"%s:%d", "{%s:%d}:a", "{%s:%d}:b"} {
				for side := range 2 {
					n, _ := at(side).Get(t.Context(), fmt.Sprintf(form, name, i)).Int() // one of them serves it
					sum += n
				}
			}
		}
		return sum
	}
	for _, c := range clients {
		if c.name != "redis-benchmark" {
			within(t, 30*time.Second, c.name+" counts", func() bool { return counted(c.name) > 20 })
		}
	}
	began, slowest := time.Now(), time.Duration(0)
	for round := range rounds {
		one := time.Now()
		m.end(m.begin("0-8191", round%2), patience(time.Minute))
		slowest = max(slowest, time.Since(one))
	}
	t.Logf("%d moves in %s, of which the slowest took %s", rounds, time.Since(began), slowest)
	for _, c := range clients {
		acked := c.told(t)
		if sum := counted(c.name); sum != acked {
			t.Errorf("%s: %d INCRs were answered, and the keys add up to %d", c.name, acked, sum)
		}
		t.Logf("%s: %d INCRs", c.name, acked)
	}
}
