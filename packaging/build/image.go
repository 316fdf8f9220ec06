package main

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// imageUser owns the data in the image. It has no name outside.
const imageUser = 65532

// digest is how OCI names what is stored.
func digest(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// descriptor is how OCI refers to what is stored.
type descriptor struct {
	MediaType string            `json:"mediaType"`
	Digest    string            `json:"digest"`
	Size      int               `json:"size"`
	Platform  *platform         `json:"platform,omitempty"`
	Notes     map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant,omitempty"`
}

// Media types of OCI's image format.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// image writes an OCI image of one layer, from scratch, as a tar that docker load,
// podman load and skopeo take. Docker before 25 knows no OCI layout, so the tar has
// its own manifest as well, which names the same files.
func (r *release) image(t target, c contents) ([]byte, error) {
	layer := archive([]file{
		{path: "usr/bin/ledge", mode: 0o755, body: c.program},
		{path: "etc/passwd", mode: 0o644, body: fmt.Appendf(nil, "ledge:x:%d:%d::/var/lib/ledge:/sbin/nologin\n", imageUser, imageUser)},
		{path: "etc/group", mode: 0o644, body: fmt.Appendf(nil, "ledge:x:%d:\n", imageUser)},
		{path: "usr/share/doc/ledge/LICENSES.txt", mode: 0o644, body: licenceTexts(c.parts)},
		{path: "usr/share/ledge/sbom.cdx.json", mode: 0o644, body: c.bill},
	}, map[string]int{"var/lib/ledge": imageUser}, r.source.when)
	packed, err := compress(layer, gzip.DefaultCompression)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(r.imageConfig(t, layer))
	if err != nil {
		return nil, err
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": typeManifest,
		"config": descriptor{MediaType: typeConfig, Digest: digest(config), Size: len(config)},
		"layers": []descriptor{{MediaType: typeLayer, Digest: digest(packed), Size: len(packed)}},
	})
	if err != nil {
		return nil, err
	}
	tag := "ledge:" + r.version
	index, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": typeIndex,
		"manifests": []descriptor{{MediaType: typeManifest, Digest: digest(manifest), Size: len(manifest),
			Platform: &platform{t.imageArch, "linux", t.imageVariant},
			Notes:    map[string]string{"org.opencontainers.image.ref.name": r.version, "io.containerd.image.name": "docker.io/library/" + tag}}},
	})
	if err != nil {
		return nil, err
	}
	docker, err := json.Marshal([]map[string]any{{
		"Config": blob(config), "RepoTags": []string{tag}, "Layers": []string{blob(packed)}}})
	if err != nil {
		return nil, err
	}
	return archive([]file{
		{path: blob(config), mode: 0o644, body: config},
		{path: blob(packed), mode: 0o644, body: packed},
		{path: blob(manifest), mode: 0o644, body: manifest},
		{path: "index.json", mode: 0o644, body: index},
		{path: "manifest.json", mode: 0o644, body: docker},
		{path: "oci-layout", mode: 0o644, body: []byte(`{"imageLayoutVersion":"1.0.0"}`)},
	}, nil, r.source.when), nil
}

// blob returns where the layout has a file.
func blob(b []byte) string { return "blobs/" + strings.Replace(digest(b), ":", "/", 1) }

// imageConfig says how the image is run. Clients come from outside the container,
// so it listens for them on every address and, like any node that does, refuses to
// start without a password.
func (r *release) imageConfig(t target, layer []byte) map[string]any {
	created := r.source.when.Format(time.RFC3339)
	config := map[string]any{
		"created": created, "architecture": t.imageArch, "os": "linux",
		"config": map[string]any{
			"User":         fmt.Sprintf("%d:%d", imageUser, imageUser),
			"Env":          []string{"PATH=/usr/bin", "LEDGE_DIR=/var/lib/ledge", "LEDGE_LISTEN=0.0.0.0:6379"},
			"Entrypoint":   []string{"/usr/bin/ledge"},
			"Cmd":          []string{"serve"},
			"WorkingDir":   "/var/lib/ledge",
			"Volumes":      map[string]any{"/var/lib/ledge": map[string]any{}},
			"ExposedPorts": map[string]any{"6379/tcp": map[string]any{}},
			"StopSignal":   "SIGTERM",
			"Labels": map[string]string{
				"org.opencontainers.image.title":       "ledge",
				"org.opencontainers.image.description": summary,
				"org.opencontainers.image.version":     r.version,
				"org.opencontainers.image.revision":    r.source.commit,
				"org.opencontainers.image.created":     created,
				"org.opencontainers.image.licenses":    "Apache-2.0",
			},
		},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{digest(layer)}},
		"history": []map[string]any{{"created": created, "created_by": "packaging/build"}},
	}
	if t.imageVariant != "" {
		config["variant"] = t.imageVariant
	}
	return config
}
