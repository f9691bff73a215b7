// Texts of the dialogs that change the list of contacts: loaded with them.

export const en = {
  add: "Add a contact",
  edit: "Edit {name}",
  import: "Import contacts",
  address: "Address or number",
  addressHint: "user@domain, or a number with + and its country",
  name: "Name",
  groups: "Groups",
  groupsHint: "Names with commas between them",
  save: "Save",
  remove: "Remove",
  cancel: "Cancel",
  file: "File of contacts (CSV or vCard)",
  importIs: "Takes what Outlook, Google and address books on phones export. Nothing is added before you have seen what was found.",
  found: "{count} contacts found; {known} of them you have already, and they take what the file says.",
  faults: "{count} entries can't be called, and are left out:",
  fault: "{at}. {name}",
  "why.noAddress": "no address here, and no number with + and its country",
  "why.unreadable": "can't be read",
  more: "and {count} more",
  nothing: "Nothing was found that could be called.",
  addThem: "Add {count}",
  tooLarge: "The file is too large: {most} MB at most.",
};

export type ContactsKey = keyof typeof en;
export type ContactsMessages = Record<ContactsKey, string>;
