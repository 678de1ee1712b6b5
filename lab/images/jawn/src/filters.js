// Helicone's filter trees as ClickHouse conditions with parameters.
"use strict";

const COLUMNS = {
  request_id: "String", organization_id: "String", user_id: "String", model: "String", provider: "String", target_url: "String",
  prompt_id: "String", status: "Int64", latency: "Int64", prompt_tokens: "Int64", completion_tokens: "Int64", cost: "Int64",
  request_created_at: "DateTime64(3)", response_created_at: "DateTime64(3)", request_body: "String", response_body: "String",
};
const OPERATORS = {
  equals: "=", "not-equals": "!=", like: "LIKE", ilike: "ILIKE", gte: ">=", lte: "<=", gt: ">", lt: "<",
  contains: "ILIKE", "not-contains": "NOT ILIKE",
};

/** A value as ClickHouse's parameters take it: a moment without the letters of its ISO form. */
function operand(operator, value, type) {
  if (type.startsWith("DateTime")) return new Date(value).toISOString().replace("T", " ").replace("Z", "");
  return operator.endsWith("contains") ? `%${value}%` : String(value);
}

function comparison(left, type, condition, parameters) {
  const clauses = Object.entries(condition).map(([operator, value]) => {
    if (!OPERATORS[operator]) throw new Error(`Invalid filter operator ${operator}`);
    const name = `val_${Object.keys(parameters).length}`;
    parameters[name] = operand(operator, value, type);
    return `${left} ${OPERATORS[operator]} {${name}:${type}}`;
  });
  return clauses.join(" AND ") || "true";
}

function leaf(fields, parameters) {
  const clauses = Object.entries(fields).flatMap(([column, condition]) => {
    if (column === "properties") {
      return Object.entries(condition).map(([name, inner]) => {
        const key = `val_${Object.keys(parameters).length}`;
        parameters[key] = name;
        return comparison(`properties[{${key}:String}]`, "String", inner, parameters);
      });
    }
    if (!COLUMNS[column]) throw new Error(`Invalid filter column ${column}`);
    const left = COLUMNS[column] === "String" ? `toString(${column})` : column;
    return [comparison(left, COLUMNS[column], condition, parameters)];
  });
  return clauses.join(" AND ") || "true";
}

/** The condition of a filter tree; its values are added to `parameters`. */
function condition(filter, parameters) {
  if (filter === undefined || filter === "all") return "true";
  if (filter.left !== undefined) {
    const operator = filter.operator === "or" ? "OR" : "AND";
    return `((${condition(filter.left, parameters)}) ${operator} (${condition(filter.right, parameters)}))`;
  }
  // Other tables of the real filter language have no rows here, so they do not narrow the result.
  return filter.request_response_rmt ? leaf(filter.request_response_rmt, parameters) : "true";
}

module.exports = { condition };
