package main

import (
	"fmt"
	"os"
	"strings"
	"unicode/utf8"
)

// table is a table for a terminal: columns as wide as what is in them, numbers to the right, rules
// in UTF-8.
type table struct {
	titles     []string
	toTheRight []bool
	rows       [][]string
	ruleBefore int // a row; 0 for none
}

// newTable makes a table of columns by their titles; those of numbers have a ">" in front.
func newTable(titles ...string) *table {
	t := &table{}
	for _, title := range titles {
		name := strings.TrimPrefix(title, ">")
		t.titles = append(t.titles, name)
		t.toTheRight = append(t.toTheRight, name != title)
	}
	return t
}

func (t *table) row(cells ...any) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = fmt.Sprint(cell)
	}
	t.rows = append(t.rows, row)
}

// rule draws a rule before the row that comes next.
func (t *table) rule() { t.ruleBefore = len(t.rows) }

func (t *table) print() {
	widths, total := make([]int, len(t.titles)), 2*(len(t.titles)-1)
	for i, title := range t.titles {
		widths[i] = utf8.RuneCountInString(title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		total += widths[i]
	}
	rule := "  " + style("\x1b[2m") + strings.Repeat("─", total) + style("\x1b[0m")
	fmt.Println("  " + style("\x1b[2m") + t.line(widths, t.titles) + style("\x1b[0m"))
	fmt.Println(rule)
	for i, row := range t.rows {
		if i > 0 && i == t.ruleBefore {
			fmt.Println(rule)
		}
		fmt.Println("  " + t.line(widths, row))
	}
}

func (t *table) line(widths []int, cells []string) string {
	var line strings.Builder
	for i, cell := range cells {
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		switch {
		case t.toTheRight[i]:
			line.WriteString(pad + cell)
		case i+1 == len(cells):
			line.WriteString(cell)
		default:
			line.WriteString(cell + pad)
		}
		if i+1 < len(cells) {
			line.WriteString("  ")
		}
	}
	return line.String()
}

func heading(number int, title, explanation string) {
	bold, dim, off := style("\x1b[1m"), style("\x1b[2m"), style("\x1b[0m")
	fmt.Printf("\n%s%d  %s%s\n   %s%s%s\n\n", bold, number, title, off, dim, explanation, off)
}

// style is an escape sequence, or nothing where standard output is no terminal or NO_COLOR is set.
func style(sequence string) string {
	status, err := os.Stdout.Stat()
	if err != nil || status.Mode()&os.ModeCharDevice == 0 || os.Getenv("NO_COLOR") != "" {
		return ""
	}
	return sequence
}
