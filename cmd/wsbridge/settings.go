package main

import (
	"reflect"
	"strconv"

	"github.com/alecthomas/kong"

	"github.com/wsbridge/wsbridge/internal/config"
)

// settings are the flags that package config has a table of. They are made from it, so that
// a setting is described in one place.
type settings struct {
	flags  reflect.Value // of a struct of *string, nil where the flag was not given
	places []string      // the name of each field's flag
}

// plugin returns what kong finds the flags in.
func (s *settings) plugin() kong.Plugins {
	var fields []reflect.StructField
	add := func(name, placeholder, help string) {
		s.places = append(s.places, name)
		fields = append(fields, reflect.StructField{
			Name: "Flag" + strconv.Itoa(len(fields)),
			Type: reflect.TypeFor[*string](),
			Tag: reflect.StructTag("name:" + strconv.Quote(name) +
				" placeholder:" + strconv.Quote(placeholder) + " help:" + strconv.Quote(help)),
		})
	}
	for _, setting := range config.Settings() {
		help := setting.Help + " [" + setting.Env()
		if setting.Default != "" {
			help += ", default " + setting.Default
		}
		add(setting.Flag(), setting.Placeholder, help+"]")
		if setting.Secret {
			add(setting.Flag()+"-file", "FILE", "the same, in a file ["+setting.Env()+"_FILE]")
		}
	}
	p := reflect.New(reflect.StructOf(fields))
	s.flags = p.Elem()
	return kong.Plugins{p.Interface()}
}

// given returns the flags that were given.
func (s *settings) given() map[string]string {
	given := make(map[string]string)
	for i, name := range s.places {
		if text := s.flags.Field(i).Interface().(*string); text != nil {
			given[name] = *text
		}
	}
	return given
}

// load reads the settings from all places.
func (s *settings) load(t *terminal, dev bool) (*config.Config, error) {
	return config.Load(config.Sources{
		Flags:   s.given(),
		Environ: t.environ,
		Known:   []string{envURL, envAPIKey, envToken},
		Dev:     dev,
	})
}

// Variables of the commands that are clients.
const (
	envURL    = "WSBRIDGE_URL"
	envAPIKey = "WSBRIDGE_API_KEY"
	envToken  = "WSBRIDGE_TOKEN"
)
