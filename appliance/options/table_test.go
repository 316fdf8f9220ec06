package options_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"ledge/appliance/options"
	"ledge/respd/command"
)

// samples are good values for the options, other than their defaults.
var samples = map[string]string{
	"port": "7000",
	"dir":  "d", "listen": "127.0.0.1:1", "tls-listen": "127.0.0.1:2", "tls-cert": "c", "tls-key": "k", "tls-ca": "a",
	"tls-auth-clients": "optional", "nats-listen": "off", "nats-tls-cert": "c", "nats-tls-key": "k", "nats-tls-ca": "a",
	"metrics-listen": "127.0.0.1:3", "http-listen": "127.0.0.1:4", "http-password-file": "h", "node": "n", "sync": "interval", "sync-interval": "2s", "password": "p",
	"password-file": "f", "max-clients": "5", "databases": "4", "max-value": "1MiB", "max-memory": "1GiB",
	"notify-keyspace-events": "KEA", "snapshot-every": "1GiB", "resume-auto": "all", "resume-interval": "2m",
	"resume-max-attempts": "7", "journal-who": "yes", "cluster": "yes", "cluster-authority": "external", "cluster-secret-file": "s", "cluster-hold": "3s",
	"cluster-move-rate": "3MiB", "cluster-moves": "6", "cluster-alone": "refuse", "cluster-node-timeout": "19s", "on-damage": "serve-good", "reserve": "2MiB", "follow": "nats://127.0.0.1:4",
	"follow-password-file": "l", "on-divergence": "resync", "connect-timeout": "8s", "fetch-timeout": "9s",
	"sync-chunk-timeout": "11s", "sync-attempts": "12", "announce-host": "h", "announce-port": "13", "min-replicas": "1",
	"min-replicas-lag": "14s", "read-staleness": "15s", "retain-for-replicas": "2GiB", "log-level": "debug", "log-format": "json",
	"idle-timeout": "16s", "tcp-keepalive": "17s", "client-output-buffer-limit": "pubsub 1mb 0 0",
}

// Each row is whole: it has all that people are shown, a default that its own
// rule takes, and a value of its own in the Config.
func TestTable(t *testing.T) {
	names, fields := make(map[string]bool), make(map[string]string)
	for _, r := range options.Table() {
		switch {
		case r.Name == "" || r.Hint == "" || r.Doc == "":
			t.Errorf("row %+v lacks a name, hint or doc", r.Name)
		case (r.Default == "") == (r.Otherwise == ""):
			t.Errorf("%s: default %q, otherwise %q; want one of them", r.Name, r.Default, r.Otherwise)
		case names[r.Name]:
			t.Errorf("%s stands twice", r.Name)
		}
		names[r.Name] = true
		if r.Default != "" {
			if err := r.Set(&options.Config{}, r.Default); err != nil {
				t.Errorf("%s: its default is refused: %v", r.Name, err)
			}
		}
		for _, field := range changed(t, r, samples[r.Name]) {
			if other := fields[field]; other != "" {
				t.Errorf("%s and %s are both kept in %s", r.Name, other, field)
			}
			fields[field] = r.Name
		}
	}
}

// changed returns the fields of a Config that a value changes.
func changed(t *testing.T, r options.Row, sample string) (fields []string) {
	t.Helper()
	var before, after options.Config
	if err := r.Set(&after, sample); err != nil {
		t.Errorf("%s: sample %q is refused: %v", r.Name, sample, err)
	}
	a, b := reflect.ValueOf(before), reflect.ValueOf(after)
	for _, f := range reflect.VisibleFields(a.Type()) {
		if f.Anonymous || f.Type.Kind() == reflect.Func {
			continue
		}
		if !reflect.DeepEqual(a.FieldByIndex(f.Index).Interface(), b.FieldByIndex(f.Index).Interface()) {
			fields = append(fields, f.Name)
		}
	}
	if len(fields) != 1 {
		t.Errorf("%s: sample %q changes %q; want one field", r.Name, sample, fields)
	}
	return fields
}

// A command line is public, so a secret has a twin that names a file with it;
// and whatever shows a parameter of CONFIG knows that it is a secret.
func TestSecretsHaveFiles(t *testing.T) {
	n, names := 0, make(map[string]bool)
	for _, r := range options.Table() {
		names[r.Name] = true
	}
	for _, r := range options.Table() {
		looks := strings.Contains(r.Name, "password") || strings.Contains(r.Name, "secret") || strings.Contains(r.Name, "token")
		if looks && !r.Secret && !strings.HasSuffix(r.Name, "-file") {
			t.Errorf("%s looks like a secret and is not marked as one", r.Name)
		}
		for _, p := range r.Params {
			if command.SecretParam(p.Name) != r.Secret {
				t.Errorf("parameter %s of %s: SecretParam = %v; want %v", p.Name, r.Name, !r.Secret, r.Secret)
			}
		}
		if !r.Secret {
			continue
		}
		n++
		if !names[r.Name+"-file"] {
			t.Errorf("secret %s has no twin %s-file", r.Name, r.Name)
		}
		err := options.Config{Password: "p", PasswordFile: "f"}.Validate()
		var bad *options.Error
		if !errors.As(err, &bad) || bad.Option != r.Name+"-file" {
			t.Errorf("%s beside its twin: %v; want it refused", r.Name, err)
		}
	}
	if n == 0 {
		t.Error("no option is a secret; want password")
	}
}

// What is wrong is said of the option that it is wrong with, all at once.
func TestValidateAll(t *testing.T) {
	c := options.Config{Listen: ":1", Databases: -1, Node: "a b", TLSKey: "k", NATSTLSCert: "c",
		Live: options.Live{Sync: "x", ResumeAuto: "none", ResumeInterval: 1, ReadStaleness: 1, MinReplicasLag: 1}}
	var got []string
	for line := range strings.SplitSeq(c.Validate().Error(), "\n") {
		got = append(got, line)
	}
	want := []string{
		"listen: :1 can be reached from other machines, so there must be a password",
		"tls-key: needs tls-cert, which is missing",
		"tls-key: has no meaning without tls-listen",
		"nats-tls-cert: needs nats-tls-key, which is missing",
		`node: "a b" may have letters, digits, - and _ only, and at most 64 of them`,
		`sync: "x" is none of always, interval, off`,
		"databases: -1 is not between 1 and 32768",
		"resume-auto: none leaves resume-interval without a meaning",
		"resume-interval: 1ns is not between 100ms and 24h",
		"min-replicas-lag: 1ns is below 1s",
		"read-staleness: 1ns is below 1s",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Validate =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var zero options.Config
	if err := zero.Validate(); err != nil {
		t.Errorf("Validate of nothing = %v; want nil", err)
	}
	zero.SetDefaults()
	if zero.MinReplicasLag == 0 || zero.MaxValue != 8<<20 || zero.Reserve != 16<<20 || zero.LogFormat != "text" {
		t.Errorf("defaults are %+v", zero)
	}
}
