package journal

import "math"

// The kinds of effects.
const (
	KindEpoch      Kind = 1
	KindStringSet  Kind = 2
	KindStringEdit Kind = 3
	KindKeyDelete  Kind = 4
	KindKeyExpire  Kind = 5
	KindKeyRename  Kind = 6
	KindKeyCopy    Kind = 7
	KindRangeClear Kind = 8
	KindSwapDB     Kind = 9

	KindHashSet         Kind = 10
	KindHashRemove      Kind = 11
	KindHashExpire      Kind = 12
	KindSetAdd          Kind = 13
	KindSetRemove       Kind = 14
	KindZSetAdd         Kind = 15
	KindZSetRemove      Kind = 16
	KindZSetRemoveRange Kind = 17
	KindListPush        Kind = 18
	KindListRemove      Kind = 19
	KindListSet         Kind = 20
	KindListInsert      Kind = 21

	KindFunctionSet   Kind = 32
	KindFunctionFlush Kind = 33

	KindWho Kind = 40

	KindSlotsFound   Kind = 48
	KindClusterJoin  Kind = 49
	KindClusterLeave Kind = 50
	KindMoveBegin    Kind = 51
	KindMoveAt       Kind = 52
	KindMoveReady    Kind = 53
	KindSlotsGive    Kind = 54
	KindSlotsTake    Kind = 55
	KindMoveEnd      Kind = 56
	KindSpanClear    Kind = 57
	KindMoveTaken    Kind = 58
	KindSlotsSeize   Kind = 59
	KindSlotsYield   Kind = 60

	KindClusterDocument Kind = 61
)

// effects is the one table of effects: reading a frame, what journal tail
// prints, what Apply prefetches, whom a write wakes and the golden frames go by it.
var effects = newTable([]effect{
	{KindEpoch, "Epoch", func() Op { return new(Epoch) }, None, false,
		[]Op{&Epoch{Epoch: 300, Node: "edge-1"}}},

	{KindStringSet, "StringSet", func() Op { return new(StringSet) }, String, false,
		[]Op{&StringSet{DB: 3, Key: "user:1", Value: "Ada\x00\xff", At: 1893456000123}, &StringSet{}}},
	{KindStringEdit, "StringEdit", func() Op { return new(StringEdit) }, String, false,
		[]Op{&StringEdit{DB: 1, Key: "log", Offset: 70000, Data: "more"}}},

	{KindKeyDelete, "KeyDelete", func() Op { return new(KeyDelete) }, None, false,
		[]Op{&KeyDelete{DB: 65535, Key: "gone"}}},
	{KindKeyExpire, "KeyExpire", func() Op { return new(KeyExpire) }, None, false,
		[]Op{&KeyExpire{DB: 2, Key: "soon", At: 1893456000456}, &KeyExpire{DB: 2, Key: "past", At: -1}}},
	{KindKeyRename, "KeyRename", func() Op { return new(KeyRename) }, None, false,
		[]Op{&KeyRename{DB: 4, Key: "from", ToDB: 5, To: "to"}}},
	{KindKeyCopy, "KeyCopy", func() Op { return new(KeyCopy) }, None, false,
		[]Op{&KeyCopy{DB: 6, Key: "source", ToDB: 7, To: "copy"}}},
	{KindRangeClear, "RangeClear", func() Op { return new(RangeClear) }, None, false,
		[]Op{&RangeClear{DB: 8, First: 0, Last: MaxSlot}, &RangeClear{DB: 8, First: 100, Last: 200}}},
	{KindSwapDB, "SwapDB", func() Op { return new(SwapDB) }, None, false,
		[]Op{&SwapDB{A: 9, B: 10}}},

	{KindHashSet, "HashSet", func() Op { return new(HashSet) }, HashType, false,
		[]Op{&HashSet{DB: 1, Key: "user:1", At: 1893456000123, Pairs: []string{"name", "Ada", "", "\x00"}}}},
	{KindHashRemove, "HashRemove", func() Op { return new(HashRemove) }, HashType, false,
		[]Op{&HashRemove{DB: 2, Key: "user:2", Fields: []string{"name", "age"}}}},
	{KindHashExpire, "HashExpire", func() Op { return new(HashExpire) }, HashType, false,
		[]Op{&HashExpire{DB: 3, Key: "user:3", At: 1893456000456, Fields: []string{"token"}}}},

	{KindSetAdd, "SetAdd", func() Op { return new(SetAdd) }, SetType, false,
		[]Op{&SetAdd{DB: 4, Key: "tags", Members: []string{"a", "", "c\xff"}}}},
	{KindSetRemove, "SetRemove", func() Op { return new(SetRemove) }, SetType, false,
		[]Op{&SetRemove{DB: 5, Key: "tags", Members: []string{"b"}}}},

	{KindZSetAdd, "ZSetAdd", func() Op { return new(ZSetAdd) }, ZSetType, true,
		[]Op{&ZSetAdd{DB: 6, Key: "board", Members: []Scored{{1.5, "ada"}, {math.Inf(-1), ""}}}}},
	{KindZSetRemove, "ZSetRemove", func() Op { return new(ZSetRemove) }, ZSetType, false,
		[]Op{&ZSetRemove{DB: 7, Key: "board", Members: []string{"bob"}}}},
	{KindZSetRemoveRange, "ZSetRemoveRange", func() Op { return new(ZSetRemoveRange) }, ZSetType, false,
		[]Op{&ZSetRemoveRange{DB: 8, Key: "board", First: 300, Count: 2}}},

	{KindListPush, "ListPush", func() Op { return new(ListPush) }, ListType, true,
		[]Op{&ListPush{DB: 9, Key: "queue", Items: []string{"x", "y"}},
			&ListPush{DB: 9, Key: "queue", Left: true, Items: []string{"z"}}}},
	{KindListRemove, "ListRemove", func() Op { return new(ListRemove) }, ListType, false,
		[]Op{&ListRemove{DB: 10, Key: "queue", First: 1, Count: 70000}}},
	{KindListSet, "ListSet", func() Op { return new(ListSet) }, ListType, false,
		[]Op{&ListSet{DB: 11, Key: "queue", Index: 400, Item: "new"}}},
	{KindListInsert, "ListInsert", func() Op { return new(ListInsert) }, ListType, false,
		[]Op{&ListInsert{DB: 12, Key: "queue", Index: 500, Item: "between"}}},

	{KindFunctionSet, "FunctionSet", func() Op { return new(FunctionSet) }, None, false,
		[]Op{&FunctionSet{Name: "lib", Code: "#!lua name=lib\n\x00\xff"}, &FunctionSet{Name: "lib"}}},
	{KindFunctionFlush, "FunctionFlush", func() Op { return new(FunctionFlush) }, None, false,
		[]Op{&FunctionFlush{}}},

	{KindWho, "Who", func() Op { return new(Who) }, None, false,
		[]Op{&Who{User: "default", Client: "billing-1", Addr: "10.0.0.7:50000"}, &Who{User: "default", Addr: "/run/ledge.sock"}}},

	{KindSlotsFound, "SlotsFound", func() Op { return new(SlotsFound) }, None, false,
		[]Op{&SlotsFound{Cluster: "c1", Ranges: []SlotRange{{0, MaxSlot}}},
			&SlotsFound{Cluster: "c2", Ranges: []SlotRange{{1, 1}, {300, 5460}}}}},
	{KindClusterJoin, "ClusterJoin", func() Op { return new(ClusterJoin) }, None, false,
		[]Op{&ClusterJoin{Cluster: "c1"}}},
	{KindClusterLeave, "ClusterLeave", func() Op { return new(ClusterLeave) }, None, false,
		[]Op{&ClusterLeave{}}},

	{KindMoveBegin, "MoveBegin", func() Op { return new(MoveBegin) }, None, false,
		[]Op{&MoveBegin{ID: 1 << 63, Side: Source, Ranges: []SlotRange{{0, 99}, {300, 5460}}, Shard: 7},
			&MoveBegin{ID: 2, Side: Target, Ranges: []SlotRange{{5, 5}}, Shard: 1 << 63}}},
	{KindMoveAt, "MoveAt", func() Op { return new(MoveAt) }, None, false,
		[]Op{&MoveAt{ID: 3, Cursor: uint64(MaxPosition) + 1, Seq: 70000, Digest: 1<<63 + 1, Epoch: 300}}},
	{KindMoveReady, "MoveReady", func() Op { return new(MoveReady) }, None, false,
		[]Op{&MoveReady{ID: 4, Seq: 70001, Digest: 1<<63 + 2}}},
	{KindSlotsGive, "SlotsGive", func() Op { return new(SlotsGive) }, None, false,
		[]Op{&SlotsGive{ID: 5, Epoch: 301, Seq: 70002, Digest: 1<<63 + 3}}},
	{KindSlotsTake, "SlotsTake", func() Op { return new(SlotsTake) }, None, false,
		[]Op{&SlotsTake{ID: 6, Epoch: 302}}},
	{KindMoveEnd, "MoveEnd", func() Op { return new(MoveEnd) }, None, false,
		[]Op{&MoveEnd{ID: 7, Cause: "cancelled"}, &MoveEnd{ID: 8}}},
	{KindMoveTaken, "MoveTaken", func() Op { return new(MoveTaken) }, None, false,
		[]Op{&MoveTaken{ID: 9}}},
	{KindSlotsSeize, "SlotsSeize", func() Op { return new(SlotsSeize) }, None, false,
		[]Op{&SlotsSeize{Ranges: []SlotRange{{7, 7}, {300, 5460}}, Epoch: SeizeEpochs + 3, From: 1 << 63}}},
	{KindSlotsYield, "SlotsYield", func() Op { return new(SlotsYield) }, None, false,
		[]Op{&SlotsYield{Ranges: []SlotRange{{7, 9}}}}},
	{KindClusterDocument, "ClusterDocument", func() Op { return new(ClusterDocument) }, None, false,
		[]Op{&ClusterDocument{Version: 300, Master: "a", Text: "a 10.0.0.1 6379 master - 0-16383"},
			&ClusterDocument{Force: true, Text: "a 10.0.0.1 6379 master -"}}},

	{KindSpanClear, "SpanClear", func() Op { return new(SpanClear) }, None, false,
		[]Op{&SpanClear{DB: 13, First: 300 << hashBits, Last: 300<<hashBits + 0x123456789abc},
			&SpanClear{DB: 14, First: 1, Last: MaxPosition}}},
})
