package appliance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ledge/admin"
	"ledge/appliance"
	"ledge/journal/freeport"
)

// The page of a node in a cluster says which, which slots are its shard's, and how the
// shards are. That of any other node has nothing of it.
func TestClusterPage(t *testing.T) {
	dir := t.TempDir()
	n := serve(t, appliance.Config{Dir: dir, NATSListen: freeport.Addr(t), MetricsListen: "127.0.0.1:0", Cluster: "yes", Databases: 1})
	url := n.Status().Page
	if c := facts(t, url).Cluster; c == nil || c.Cluster != "" || c.Assigned != 0 {
		t.Fatalf("before it is founded the page has the cluster %+v; want one without an id and slots", c)
	}
	secret, err := os.ReadFile(filepath.Join(dir, "auth", "admin"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := admin.Dial(t.Context(), admin.ClientConfig{Server: n.Status().NATS, User: "admin", Password: strings.TrimSpace(string(secret))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	founded, err := conn.ClusterFound(t.Context(), n.Status().Node)
	if err != nil {
		t.Fatal(err)
	}
	c := facts(t, url).Cluster
	if c == nil || c.Cluster == "" || c.Cluster != founded.Cluster || c.Assigned != 16384 || len(c.Shards) != 1 || c.Shards[0].Slots != "0-16383" {
		t.Fatalf("the page has the cluster %+v; want %+v", c, founded)
	}
	if c := facts(t, serve(t, appliance.Config{MetricsListen: "127.0.0.1:0"}).Status().Page).Cluster; c != nil {
		t.Errorf("a node in no cluster has the cluster %+v on its page; want none", c)
	}
	p := chromium(t).open(url, 390, 844, "light")
	p.until("the cluster is shown", `!document.getElementById("cluster").hidden && document.getElementById("membership").textContent.includes("`+c.Cluster+`")`)
	p.until("the shard is shown", `document.getElementById("shards").textContent.includes("16,384") && document.getElementById("shards").textContent.includes("ok, 1 node")`)
	if got := p.eval(`document.documentElement.scrollWidth - innerWidth`); got != "0" && !strings.HasPrefix(got, "-") {
		t.Errorf("the page is %s pixels wider than the window; want none", got)
	}
	const lost = `(show({...last, cluster: {assigned: 3, shards: [{id: "0123456789", slots: "1-3", count: 3, nodes: [{role: "leader", redis: "h:1", failed: true}]},
		{id: "x", slots: "", count: 0, nodes: [{role: "replica", redis: "h:2"}]}]}}),
		document.getElementById("membership").textContent + "|" + document.querySelector("#shards tbody").innerText.replace(/\\s+/g, " "))`
	if got := p.eval(lost); !strings.Contains(got, "its leader has failed") || !strings.Contains(got, "no leader") || !strings.Contains(got, "not founded") {
		t.Errorf("shards without a leader are shown as %s", got)
	}
	p.shoot("cluster")
	p.accessible("cluster")
}
