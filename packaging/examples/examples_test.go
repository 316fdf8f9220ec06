// Package examples_test holds the examples for containers against the program.
package examples_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"ledge/appliance"
	"ledge/appliance/options"
)

// checkOptions holds the variables of a container against the table of options:
// each is one, and all together are what a node takes. Files that it names are
// stood in for.
func checkOptions(t *testing.T, what string, env map[string]string) {
	t.Helper()
	env["LEDGE_LISTEN"], env["LEDGE_DIR"] = "0.0.0.0:6379", t.TempDir() // the image's own
	values, known := make(map[string]string), make(map[string]bool)
	for _, r := range options.Table() {
		known[r.Env()] = true
		if v, ok := env[r.Env()]; ok {
			values[r.Name] = v
		}
	}
	for name := range env {
		if !known[name] {
			t.Errorf("%s: no option has the variable %s", what, name)
		}
	}
	for name, v := range values {
		if strings.HasSuffix(name, "-file") {
			values[name] = filepath.Join(t.TempDir(), filepath.Base(v))
			if err := os.WriteFile(values[name], []byte("sesame\n"), 0o400); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, _, err := options.Read(func(name string) (string, bool) { v, ok := values[name]; return v, ok }, nil)
	if err != nil {
		t.Errorf("%s: a node would not take its options: %v", what, err)
	}
}

// checkImage holds the image's name against the version.
func checkImage(t *testing.T, what, image string) {
	t.Helper()
	if image != "ledge:"+appliance.Version {
		t.Errorf("%s runs the image %s; want that of version %s", what, image, appliance.Version)
	}
}

func TestCompose(t *testing.T) {
	b, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Image       string
			Environment map[string]string
			Secrets     []string
			Volumes     []string
			Healthcheck struct{ Test []string }
		}
		Secrets, Volumes map[string]any
	}
	if err := yaml.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Services) != 2 {
		t.Fatalf("%d services; want a leader and a replica", len(file.Services))
	}
	for name, s := range file.Services {
		checkImage(t, name, s.Image)
		checkOptions(t, name, s.Environment)
		if !slices.Equal(s.Healthcheck.Test, []string{"CMD", "/usr/bin/ledge", "health"}) {
			t.Errorf("%s is probed by %q", name, s.Healthcheck.Test)
		}
		for _, secret := range s.Secrets {
			if file.Secrets[secret] == nil {
				t.Errorf("%s wants the secret %s, which there is not", name, secret)
			}
		}
		if len(s.Volumes) != 1 || s.Volumes[0] != name+":/var/lib/ledge" {
			t.Errorf("%s has the volumes %q", name, s.Volumes)
		}
		if _, ok := file.Volumes[name]; !ok {
			t.Errorf("there is no volume %s", name)
		}
	}
}

// object is what the test wants to know of a Kubernetes object.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	StringData map[string]string `yaml:"stringData"`
	Spec       struct {
		ServiceName string `yaml:"serviceName"`
		Selector    map[string]any
		Template    struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				Grace      int `yaml:"terminationGracePeriodSeconds"`
				Containers []struct {
					Image string
					Env   []struct{ Name, Value string }
				}
			}
		}
	}
}

func TestKubernetes(t *testing.T) {
	b, err := os.ReadFile("kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	objects := make(map[string]object)
	for dec := yaml.NewDecoder(bytes.NewReader(b)); ; {
		var o object
		if err := dec.Decode(&o); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		objects[o.Kind] = o
	}
	set, service, secret := objects["StatefulSet"], objects["Service"], objects["Secret"]
	if len(objects) != 3 || set.APIVersion != "apps/v1" || service.APIVersion != "v1" || secret.StringData["redis"] == "" {
		t.Fatalf("the objects are %+v; want a Secret, a Service and a StatefulSet", objects)
	}
	if set.Spec.ServiceName != service.Metadata.Name || service.Spec.Selector["app"] != set.Spec.Template.Metadata.Labels["app"] {
		t.Errorf("the service finds no pods: %+v, %+v", service, set)
	}
	if grace := set.Spec.Template.Spec.Grace; grace <= 45 {
		t.Errorf("a node has %d s to stop; it may take 45", grace)
	}
	c := set.Spec.Template.Spec.Containers[0]
	checkImage(t, "the container", c.Image)
	env := make(map[string]string)
	for _, e := range c.Env {
		if env[e.Name] = e.Value; e.Value == "" {
			env[e.Name] = "ledge-0" // the pod's name
		}
	}
	checkOptions(t, "the container", env)
	if dir, _ := filepath.Split(env["LEDGE_PASSWORD_FILE"]); !strings.Contains(string(b), "mountPath: "+filepath.Clean(dir)+",") {
		t.Errorf("nothing is mounted at %s", dir)
	}
}
