import assert from 'node:assert/strict';
import { traceOf, traceparentOf } from '../../shared/trace.ts';

const ID = '0af7651916cd43dd8448eb211c80319c';
const OTHER = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = 'b7ad6b7169203331';

describe('the trace of a request', () => {
  it('comes from its traceparent header', () => {
    const trace = traceOf(null, { traceparent: `00-${ID}-${SPAN}-01` });

    assert.deepEqual(trace, { id: ID, spanId: SPAN, isSampled: true });
  });

  it("comes from Google's older header, whose span id is decimal", () => {
    const trace = traceOf(null, { 'x-cloud-trace-context': `${ID}/255;o=0` });

    assert.deepEqual(trace, { id: ID, spanId: '00000000000000ff', isSampled: false });
  });

  it('comes from the delivered message, regardless of its own headers', () => {
    const trace = traceOf(`00-${ID}-${SPAN}-00`, { traceparent: `00-${OTHER}-${SPAN}-01` });

    assert.deepEqual(trace, { id: ID, spanId: SPAN, isSampled: false });
  });

  for (const [situation, header] of [
    ['no header', undefined],
    ['a header of another form', 'hello'],
    ['a trace id of zeros, which means none', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['two headers', [`00-${ID}-${SPAN}-01`, `00-${OTHER}-${SPAN}-01`]],
  ] as const) {
    it(`is new with ${situation}`, () => {
      const headers = { traceparent: header === undefined ? undefined : [header].flat().join(', ') };
      const traces = [traceOf(null, headers), traceOf(null, headers)];

      for (const { id, spanId, isSampled } of traces) {
        assert.match(id, /^[0-9a-f]{32}$/);
        assert.match(spanId, /^[0-9a-f]{16}$/);
        assert.equal(isSampled, false);
      }
      assert.equal(new Set([ID, OTHER, ...traces.map(({ id }) => id)]).size, 4);
    });
  }

  it('is the same after it is written and read again', () => {
    const trace = traceOf(null, {});

    assert.deepEqual(traceOf(traceparentOf(trace), {}), trace);
    assert.deepEqual(traceOf(traceparentOf({ ...trace, isSampled: true }), {}), {
      ...trace,
      isSampled: true,
    });
  });
});
