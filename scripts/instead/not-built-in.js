/** In place of what no way of ours reaches: HTTP/2, and bodies of Node's fetch. */
throw new Error('not built in');
