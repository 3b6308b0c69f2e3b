// A service that shortens links: a page, a JSON API, a log of requests.
package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"syscall"
	"time"
)

// The first of `listen` in mewz.toml.
const listenerDescriptor = 3

// Longest body of a request.
const bodyBytesMax = 16 << 10

//go:embed index.html
var page []byte

// A link, and how often it was followed.
type Link struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	Hits int    `json:"hits"`
}

// All links, kept in a file.
type Store struct {
	path string
	lock sync.Mutex
	list []*Link
}

var errTaken = errors.New("the name is taken")

func open(path string) (*Store, error) {
	store := &Store{path: path, list: []*Link{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return store, nil
	}
	if err != nil {
		return nil, err
	}
	return store, json.Unmarshal(text, &store.list)
}

func (s *Store) find(name string) *Link {
	for _, link := range s.list {
		if link.Name == name {
			return link
		}
	}
	return nil
}

// Adds a link under a name, or under the next number.
func (s *Store) add(name, address string) (Link, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for number := len(s.list) + 1; name == ""; number++ {
		if next := fmt.Sprint(number); s.find(next) == nil {
			name = next
		}
	}
	if s.find(name) != nil {
		return Link{}, errTaken
	}
	link := &Link{Name: name, URL: address}
	s.list = append(s.list, link)
	if err := s.save(); err != nil {
		s.list = s.list[:len(s.list)-1]
		return Link{}, err
	}
	return *link, nil
}

// Where a name leads; counts.
func (s *Store) follow(name string) (string, bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	link := s.find(name)
	if link == nil {
		return "", false
	}
	link.Hits++
	return link.URL, true
}

func (s *Store) all() []Link {
	s.lock.Lock()
	defer s.lock.Unlock()
	links := make([]Link, 0, len(s.list))
	for _, link := range s.list {
		links = append(links, *link)
	}
	return links
}

// Writes a whole file beside the old one and renames it: there is always one that is whole.
func (s *Store) save() error {
	text, err := json.MarshalIndent(s.list, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(s.path+".new", s.path)
}

func routes(store *Store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
	mux.HandleFunc("GET /api/links", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, store.all())
	})
	mux.HandleFunc("POST /api/links", func(w http.ResponseWriter, r *http.Request) {
		var wish struct{ Name, URL string }
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyBytesMax)).Decode(&wish); err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		if target, err := url.Parse(wish.URL); err != nil || target.Host == "" {
			refuse(w, http.StatusUnprocessableEntity, errors.New("`url` is no address of a page"))
			return
		}
		link, err := store.add(wish.Name, wish.URL)
		switch {
		case errors.Is(err, errTaken):
			refuse(w, http.StatusConflict, err)
		case err != nil:
			refuse(w, http.StatusInternalServerError, err)
		default:
			answer(w, http.StatusCreated, link)
		}
	})
	mux.HandleFunc("GET /{name}", func(w http.ResponseWriter, r *http.Request) {
		if target, ok := store.follow(r.PathValue("name")); ok {
			http.Redirect(w, r, target, http.StatusFound)
			return
		}
		http.NotFound(w, r)
	})
	return mux
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value)
}

func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}

// Writes a line for each request to standard error.
func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		next.ServeHTTP(w, r)
		log.Printf("%s %s %v", r.Method, r.URL.Path, time.Since(start).Round(time.Microsecond))
	})
}

func main() {
	store, err := open("/data/links.json")
	if err != nil {
		log.Fatal(err)
	}
	listener, err := listen(listenerDescriptor)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: logged(routes(store)), ReadHeaderTimeout: 10 * time.Second}
	fmt.Println("listening")
	log.Fatal(server.Serve(listener))
}

// Takes over a socket that was opened for this program: Go has no way to open one under WASI.
func listen(descriptor int) (net.Listener, error) {
	// Go waits for all of its sockets at once, so none of them may block.
	if err := syscall.SetNonblock(descriptor, true); err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(descriptor), "listener")
	defer file.Close()
	return net.FileListener(file)
}
