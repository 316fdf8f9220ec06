package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// component is one part of a bill of materials in CycloneDX's words.
type component struct {
	Type     string     `json:"type"`
	Ref      string     `json:"bom-ref"`
	Name     string     `json:"name"`
	Version  string     `json:"version"`
	PURL     string     `json:"purl,omitempty"`
	Hashes   []hash     `json:"hashes,omitempty"`
	Licences []licensed `json:"licenses"`
	Props    []property `json:"properties,omitempty"`
}

type hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type licensed struct {
	License struct {
		ID string `json:"id"`
	} `json:"license"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// under is the licence of one component.
func under(id string) []licensed {
	var l licensed
	l.License.ID = id
	return []licensed{l}
}

// sbom writes what a binary is made of, as CycloneDX 1.5. It is read out of the
// binary, so it tells of what is linked and not of what go.mod mentions.
func (r *release) sbom(t target, parts []part, program []byte) ([]byte, error) {
	sum := sha256.Sum256(program)
	ref := "pkg:generic/ledge@" + r.version + "?arch=" + t.name
	var list []component
	var needs []string
	for _, p := range parts {
		c := component{Type: "library", Name: p.path, Version: p.version, Licences: under(p.licence),
			PURL: "pkg:golang/" + p.path + "@" + p.version}
		c.Ref = c.PURL
		if p.sum != "" {
			c.Props = []property{{"ledge:go.sum", p.sum}}
		}
		list, needs = append(list, c), append(needs, c.Ref)
	}
	bill := map[string]any{
		"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
		// A number of its own for each binary, the same whenever that is built.
		"serialNumber": fmt.Sprintf("urn:uuid:%x-%x-5%x-8%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])[:45],
		"metadata": map[string]any{
			"timestamp": r.source.when.Format(time.RFC3339),
			"component": component{Type: "application", Ref: ref, Name: "ledge", Version: r.version, Licences: under("Apache-2.0"),
				Hashes: []hash{{"SHA-256", fmt.Sprintf("%x", sum)}},
				Props:  []property{{"ledge:commit", r.source.commit}, {"ledge:platform", "linux/" + t.name}}},
		},
		"components":   list,
		"dependencies": []map[string]any{{"ref": ref, "dependsOn": needs}},
	}
	b, err := json.MarshalIndent(bill, "", "  ")
	return append(b, '\n'), err
}
