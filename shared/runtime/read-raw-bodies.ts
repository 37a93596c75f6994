import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';

/**
 * Makes the Functions Framework hand every body of this process over unread, so that `decode` alone decides what it is. The framework's own
 * parsers answer malformed JSON with an HTML page and a stack trace, and leave out a body without a known content type: the call would then
 * pass for an empty one, which is a tick.
 */
export function readRawBodies(): void {
  // Node publishes a request before the server's handlers see it: https://nodejs.org/api/diagnostics_channel.html#event-httpserverrequeststart
  subscribe('http.server.request.start', (message) => {
    const { headers } = (message as { request: IncomingMessage }).request;
    headers['content-type'] = 'application/octet-stream';
    delete headers['content-encoding'];
  });
}
