package main

import (
	"fmt"
	"net"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ledge/appliance"
	"ledge/appliance/options"
)

// runConfig is what an image's configuration says of how it is run, and what its tar has.
type runConfig struct {
	Tags    []string
	Env     []string
	Volumes map[string]any
	Ports   map[string]any `json:"ExposedPorts"`
	Program []string       `json:"Entrypoint"`
	Words   []string       `json:"Cmd"`
	Stop    string         `json:"StopSignal"`
	has     map[string]bool
}

// imageOf reads the image for docker as docker load does, by its manifest.json.
func imageOf(t *testing.T, tar []byte) (c runConfig) {
	t.Helper()
	_, files := entries(t, tar)
	var docker []struct {
		Config           string
		RepoTags, Layers []string
	}
	unmarshal(t, files["manifest.json"], &docker)
	if len(docker) != 1 || len(docker[0].Layers) != 1 {
		t.Fatalf("manifest.json has %+v; want one image of one layer", docker)
	}
	var config struct{ Config runConfig }
	unmarshal(t, files[docker[0].Config], &config)
	c, c.has = config.Config, make(map[string]bool)
	c.Tags = docker[0].RepoTags
	headers, _ := entries(t, plainOf(t, files[docker[0].Layers[0]]))
	for name, h := range headers {
		c.has["/"+strings.TrimSuffix(name, "/")] = h.Mode&0o111 != 0
	}
	return c
}

// dockerLines returns the commands of docker that a page has, each without its prompt and
// remark, as words.
func dockerLines(t *testing.T, page string) (lines [][]string) {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\$ (docker .*?)(?:  +#.*)?$`).FindAllStringSubmatch(string(b), -1) {
		lines = append(lines, strings.Fields(m[1]))
	}
	return lines
}

// What the pages have typed for docker fits the image that is made: the file is built
// under that name, the image is called so, the port and the volume are the image's own,
// the variables are options, and what is executed in it is there. There is no docker
// here to type it to.
func TestDockerLines(t *testing.T) {
	all := makeSmall(t)
	if appliance.Version != "0.1.0" {
		t.Fatalf("the small build is of version 0.1.0 and the program of %s", appliance.Version)
	}
	tried := make(map[string]int)
	for _, page := range []string{"../../README.md", "../docs/install.md"} {
		image := imageOf(t, all["ledge-0.1.0-linux-amd64.image.tar"])
		for _, words := range dockerLines(t, page) {
			tried[words[1]]++
			for _, fault := range image.lacks(words, func(name string) bool { return all[name] != nil }) {
				t.Errorf("%s: %q: %s", page, words, fault)
			}
		}
	}
	if tried["load"] != 2 || tried["run"] != 1 || tried["exec"] != 1 {
		t.Errorf("the pages have %v; want to load in both, and to run and execute in one", tried)
	}
	image := imageOf(t, all["ledge-0.1.0-linux-arm64.image.tar"])
	for _, line := range []string{"docker load -i other.tar", "docker run -p 127.0.0.1:6379:6380 -e LEDGE_PASSWORD=x ledge:0.1.0", "docker run -v x:/data -e LEDGE_PASSWORD=x ledge:0.1.0",
		"docker run -e LEDGE_PASSWORT=x -e LEDGE_PASSWORD=x ledge:0.1.0", "docker run -e LEDGE_PASSWORD=x ledge:0.2.0", "docker run ledge:0.1.0",
		"docker run --privileged -e LEDGE_PASSWORD=x ledge:0.1.0", "docker exec ledge sh", "docker pull ledge"} {
		if faults := image.lacks(strings.Fields(line), func(string) bool { return false }); len(faults) != 1 {
			t.Errorf("%s: %q; want one fault", line, faults)
		}
	}
}

// lacks says what in a command of docker does not fit the image.
func (c runConfig) lacks(words []string, built func(string) bool) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	switch words[1] {
	case "load":
		if len(words) != 4 || words[2] != "-i" || !built(words[3]) {
			fault("no such file is built")
		}
	case "exec":
		if program := path.Join(c.value("PATH"), words[3]); !c.has[program] {
			fault("the image has no program %s", program)
		}
	case "run":
		c.lacksToRun(words[2:], fault)
	default:
		fault("what it needs of the image is not known here")
	}
	return faults
}

// value is that of a variable of the image.
func (c runConfig) value(name string) string {
	for _, e := range c.Env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

func (c runConfig) lacksToRun(words []string, fault func(string, ...any)) {
	password := false
	for len(words) > 1 {
		option, value := words[0], words[1]
		switch option {
		case "-d":
			words = words[1:]
			continue
		case "--name":
		case "-p":
			port := value[strings.LastIndex(value, ":")+1:]
			if _, own, _ := net.SplitHostPort(c.value("LEDGE_LISTEN")); c.Ports[port+"/tcp"] == nil || port != own {
				fault("the image listens on %s, and exposes %v", c.value("LEDGE_LISTEN"), c.Ports)
			}
		case "-v":
			if _, at, _ := strings.Cut(value, ":"); c.Volumes[at] == nil || at != c.value("LEDGE_DIR") {
				fault("the image's data is in %s, and its volumes are %v", c.value("LEDGE_DIR"), c.Volumes)
			}
		case "-e":
			name, _, _ := strings.Cut(value, "=")
			password = password || name == "LEDGE_PASSWORD"
			if !slices.ContainsFunc(options.Table(), func(r options.Row) bool {
				return name == "LEDGE_"+strings.ToUpper(strings.ReplaceAll(r.Name, "-", "_"))
			}) {
				fault("%s is no option", name)
			}
		default:
			fault("what %s does is not known here", option)
			words = words[1:]
			continue
		}
		words = words[2:]
	}
	if len(words) != 1 || !slices.Contains(c.Tags, words[0]) {
		fault("the image is called %q", c.Tags)
	}
	if !password {
		fault("it listens on every address, so it refuses to start without a password")
	}
	if len(c.Program) != 1 || !c.has[c.Program[0]] || !slices.Equal(c.Words, []string{"serve"}) || c.Stop != "SIGTERM" {
		fault("the image runs %q %q and is stopped by %s", c.Program, c.Words, c.Stop)
	}
}
