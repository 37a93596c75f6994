/** An event as Pub/Sub pushes it to a function: the JSON of an object, or a text as it is. */
export function pushed(event: unknown) {
  const text = typeof event === 'string' ? event : JSON.stringify(event);
  return {
    message: { data: Buffer.from(text).toString('base64'), messageId: '1' },
    subscription: 'push',
  };
}
