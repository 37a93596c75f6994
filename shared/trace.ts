import { randomBytes } from 'node:crypto';

/**
 * Connects the log lines of all functions that one tick caused. The first request brings the trace, or a new one begins there. Every message
 * carries it in the attribute `traceparent`, in the format of https://www.w3.org/TR/trace-context/.
 */
export type Trace = {
  /** 32 hex digits. */
  id: string;
  /** 16 hex digits: the span of the request that began the trace. */
  spanId: string;
  /** Whether Google's own tracing records the trace. */
  isSampled: boolean;
};

type Headers = Record<string, string | string[] | undefined>;

const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;
/** Google's older header: TRACE_ID/SPAN_ID;o=OPTIONS, with the span as a decimal number. */
const CLOUD_TRACE_CONTEXT = /^([0-9a-f]{32})\/(\d{1,20})(?:;o=(\d))?$/;

/**
 * Returns the trace of the message that a request delivers, or else the request's own trace, or else a new one. The message comes first
 * because each delivery has a trace of its own, which says nothing about the sender.
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
