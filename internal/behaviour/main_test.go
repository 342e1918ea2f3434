package behaviour

import (
	"flag"
	"fmt"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(scripts{m}) }

// scripts are all tests of the package, and behind them the scrape that holds the metrics
// against what clients saw.
type scripts struct{ m *testing.M }

// abreast is how many scripts run at once, unless -parallel says otherwise: they mostly wait.
const abreast = "6"

func (s scripts) Run() int {
	measured.Watch(watched())
	if err := flag.Set("test.parallel", abreast); err != nil {
		fmt.Println(err)
		return 1
	}
	code := s.m.Run()
	if flag.Lookup("test.run").Value.String() != "" {
		return code // some scripts alone do not touch every metric
	}
	if problems := scrape(); code == 0 && len(problems) > 0 {
		for _, p := range problems {
			fmt.Println("metrics after the scripts:", p)
		}
		code = 1
	}
	return code
}
