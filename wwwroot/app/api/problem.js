/** A request that the service refused, or that did not reach it: ProblemDetails (RFC 9457) as an exception. */
export class Problem extends Error {
  /** @param {{status?: number, code?: string, title?: string, detail?: string}} details */
  constructor({ status = 0, code = '', title, detail = '' }) {
    super(detail || title);
    this.status = status;
    this.code = code;
    this.title = title;
    this.detail = detail;
  }

  static of(status, body) {
    let details;
    try {
      details = JSON.parse(body);
    } catch {
      details = {};
    }
    return new Problem({ status, code: details.code, title: titles[status] ?? details.title ?? `The service answered ${status}.`, detail: details.detail ?? '' });
  }

  /** Whether the service gave no answer at all. */
  get unreachable() {
    return this.status === 0;
  }

  static get unreachable() {
    return new Problem({
      title: 'The service can’t be reached',
      detail: 'It may be restarting, or the network is away. Nothing was changed by this attempt as far as this page knows.',
    });
  }
}

const titles = {
  400: 'That request can’t be carried out',
  401: 'You are not signed in',
  403: 'Your key doesn’t allow this',
  404: 'There is no such thing here',
  409: 'That can’t be done now',
  422: 'This can’t be used',
  500: 'The service failed',
  503: 'A part of the service is away',
  507: 'There is no room for this',
};
