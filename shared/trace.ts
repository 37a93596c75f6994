import { randomBytes } from 'node:crypto';

/**
 * What the log lines of all functions that one tick caused have in common. It comes with the request that began it, or is made
 * up there, and travels in the attribute `traceparent` of every message, in the form of https://www.w3.org/TR/trace-context/.
 */
export type Trace = {
  /** 32 hex digits. */
  id: string;
  /** 16 hex digits: the span of the request that began it. */
  spanId: string;
  /** Whether Google's own tracing keeps it. */
  isSampled: boolean;
};

type Headers = Record<string, string | string[] | undefined>;

const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;
/** Google's older header: TRACE_ID/SPAN_ID;o=OPTIONS, with the span as a decimal number. */
const CLOUD_TRACE_CONTEXT = /^([0-9a-f]{32})\/(\d{1,20})(?:;o=(\d))?$/;

/**
 * The trace of a request: that of the message which it delivers, else the request's own, else a new one. (Each delivery has a
 * trace of its own, which says nothing of who sent the message.)
 */
export function traceOf(messageTraceparent: string | null, headers: Headers): Trace {
  return (
    fromTraceparent(messageTraceparent) ??
    fromTraceparent(headers.traceparent) ??
    fromCloudTraceContext(headers['x-cloud-trace-context']) ?? {
      id: randomBytes(16).toString('hex'),
      spanId: randomBytes(8).toString('hex'),
      isSampled: false,
    }
  );
}

export function traceparentOf({ id, spanId, isSampled }: Trace): string {
  return `00-${id}-${spanId}-${isSampled ? '01' : '00'}`;
}

function fromTraceparent(text: string | string[] | null | undefined): Trace | null {
  const [, id, spanId, flags] = TRACEPARENT.exec(String(text)) ?? [];
  if (id === undefined || spanId === undefined || flags === undefined) return null;
  return { id, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

function fromCloudTraceContext(text: string | string[] | undefined): Trace | null {
  const [, id, span, options] = CLOUD_TRACE_CONTEXT.exec(String(text)) ?? [];
  if (id === undefined || span === undefined) return null;
  const spanId = BigInt.asUintN(64, BigInt(span)).toString(16).padStart(16, '0');
  return { id, spanId, isSampled: options === '1' };
}
