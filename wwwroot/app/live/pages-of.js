/**
 * The first pages of a list, as many as were asked for.
 * @param {(query: {cursor?: string}) => Promise<{items: any[], nextCursor?: string}>} list
 * @returns {Promise<{items: any[], more: boolean}>}
 */
export async function pagesOf(list, count = 1, query = {}) {
  const items = [];
  let cursor;
  do {
    const page = await list({ ...query, cursor });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor && --count > 0);
  return { items, more: Boolean(cursor) };
}
