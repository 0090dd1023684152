// Who is logged in, for every page.
import { createContext, useContext } from './lib.js';

export const MeContext = createContext(null);

/** `{name, role, appids, language, public_url, …}` of `GET /api/v1/me`. */
export const useMe = () => useContext(MeContext);

const ORDER = ['viewer', 'operator', 'admin'];

/** Whether the user's role is at least this one: show a button only to whom the API would obey. */
export const may = (me, role) => ORDER.indexOf(me?.role) >= ORDER.indexOf(role);
