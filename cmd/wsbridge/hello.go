package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
)

// hello says what listens where and what to try: for people as text, for machines as one
// line of the log.
func (i *instance) hello(w io.Writer) {
	base := "http://" + reachable(i.public.addr.String())
	key, token := "", ""
	if !i.cfg.Dev {
		key, token = ` -H "Authorization: Bearer $API_KEY"`, ` -H "Authorization: Bearer $TOKEN"`
	}
	listen := fmt.Sprintf(`curl -N%s '%s/v1/sse?channels=test'`, token, base)
	publish := fmt.Sprintf(`curl%s --json '{"hello":"world"}' %s/v1/channels/test/messages`, key, base)
	admin := "off"
	if i.admin != nil {
		admin = i.admin.addr.String()
	}
	if !i.cfg.Dev {
		attrs := []any{"version", version(), "addr", i.public.addr.String(), "admin_addr", admin, "broker", i.cfg.Broker(), "try_listen", listen, "try_publish", publish}
		if i.page {
			attrs = append(attrs, "page", base+"/")
		}
		i.log.Info("listening", attrs...)
		return
	}
	fmt.Fprintf(w, "\nwsbridge %s, for trying out: no keys, everyone may do everything\n\n", version())
	fmt.Fprintf(w, "  page      %s/\n", base)
	if i.admin != nil {
		fmt.Fprintf(w, "  metrics   http://%s/metrics\n", reachable(admin))
	}
	fmt.Fprintf(w, "  broker    %s\n", i.cfg.Broker())
	fmt.Fprintf(w, "\n  receive   %s\n", listen)
	fmt.Fprintf(w, "  publish   %s\n\n", publish)
}

// reachable returns an address of this machine that reaches one that is listened on.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	ip, err := netip.ParseAddr(host)
	if host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
