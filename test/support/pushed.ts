/** Wraps an event as Pub/Sub pushes it to a function: an object as JSON, a text unchanged. */
export function pushed(event: unknown) {
  const text = typeof event === 'string' ? event : JSON.stringify(event);
  return {
    message: { data: Buffer.from(text).toString('base64'), messageId: '1' },
    subscription: 'push',
  };
}
