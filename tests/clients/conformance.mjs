// Loaded before the conformance suite: every request of its brings the token, for which it has no
// option. It sends by undici and by Node's own `http`.

import http from 'node:http';
import { createRequire } from 'node:module';

const authorization = `Bearer ${process.env.TOKEN}`;
const { getGlobalDispatcher, setGlobalDispatcher } = createRequire(process.argv[1])('undici');

const authorized = (dispatch) => (options, handler) => {
  const given = options.headers ?? {};
  const headers = Array.isArray(given)
    ? [...given, 'authorization', authorization]
    : { ...(given[Symbol.iterator] ? Object.fromEntries(given) : given), authorization };
  return dispatch({ ...options, headers }, handler);
};
setGlobalDispatcher(getGlobalDispatcher().compose(authorized));

const { request } = http;
http.request = (...given) => {
  const options = given.find((one) => typeof one === 'object' && !(one instanceof URL));
  options.headers = { ...options.headers, authorization };
  return request(...given);
};
