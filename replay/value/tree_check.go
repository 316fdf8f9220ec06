package value

import "fmt"

// check reports how a tree is not what it should be.
func (t *tree) check(loose bool) error {
	if t.root == nil {
		return nil
	}
	var lastKey uint64
	lastName, first, n := "", true, 0
	var err error
	t.each(0, func(key uint64, e *Block) bool {
		n++
		if !loose && !first && (key < lastKey || key == lastKey && e.Name() <= lastName) {
			err = fmt.Errorf("element %d, %.64q, is out of order", n-1, e.Name())
			return false
		}
		first, lastKey, lastName = false, key, e.Name()
		return true
	})
	if err == nil && n != t.root.n {
		err = fmt.Errorf("%d elements; the tree counts %d", n, t.root.n)
	}
	return err
}
