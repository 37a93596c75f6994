import assert from 'node:assert/strict';
import {
  isNode,
  isRangeTableEntry,
  isSet,
  nodesIn,
  numberIn,
  parseNodeTree,
} from '../../../shared/source/node-tree.ts';

/** A shortened rule of a view, as PostgreSQL writes it: names escape spaces, brackets and quotes; a constant lists its bytes. */
const RULE = String.raw`({QUERY :commandType 1 :hasDistinctOn false :cteList <> :rtable ({RANGETBLENTRY :alias <> :eref {ALIAS :aliasname odd\ \(name\} :colnames ("id" "a\"b" "")} :rtekind 0 :relid 16384 :selectedCols (b 8 9)}) :targetList ({TARGETENTRY :expr {CONST :constvalue 4 [ 1 0 -1 0 ]} :resno 1 :resname \:relid\ 5 :resorigtbl 0} {TARGETENTRY :expr {VAR :varattno 2} :resno 2 :resname :resorigtbl :resorigtbl 16384 :resorigcol 2}) :limitCount {CONST :constvalue 4 [ 1 0 0 0 ]} :sortClause <>})`;

describe('a parse tree of PostgreSQL', () => {
  const nodes = [...nodesIn(parseNodeTree(RULE))];

  it('has its nodes in the order of the text, wherever they are nested', () => {
    assert.deepEqual(
      nodes.map(({ type }) => type),
      ['QUERY', 'RANGETBLENTRY', 'ALIAS', 'TARGETENTRY', 'CONST', 'TARGETENTRY', 'VAR', 'CONST'],
    );
  });

  it('has numbers and flags, whatever the names in it look like', () => {
    const [query, table, , first, , second] = nodes;
    assert.ok(query && table && first && second);
    assert.deepEqual([numberIn(table, 'relid'), numberIn(table, 'missing')], [16384, 0]);
    assert.deepEqual([numberIn(first, 'resorigtbl'), numberIn(second, 'resorigtbl')], [0, 16384]);
    assert.deepEqual(
      ['limitCount', 'hasDistinctOn', 'sortClause', 'missing'].map((field) => isSet(query, field)),
      [true, false, false, false],
    );
    assert.equal(query.fields.get('targetList')?.flat().filter(isNode).length, 2);
  });

  it('has the entries of its range table in every release', () => {
    // PostgreSQL 14 and 15 write {RTE …}.
    for (const rule of [RULE, RULE.replace('{RANGETBLENTRY', '{RTE')]) {
      const entries = [...nodesIn(parseNodeTree(rule))].filter(isRangeTableEntry);
      assert.deepEqual(
        entries.map((entry) => numberIn(entry, 'relid')),
        [16384],
      );
    }
  });

  it('is refused when it ends too early', () => {
    assert.throws(() => parseNodeTree('({QUERY :rtable ('), TypeError);
  });
});
