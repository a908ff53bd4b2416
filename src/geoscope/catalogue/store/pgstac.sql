-- What the catalogue keeps beside pgstac, in a schema of its own, and in the column `private` that pgstac
-- leaves to others. Run as the role pgstac_admin, inside one transaction, by pgstac_migration.
--
-- Any client may write to pgstac's tables: triggers do here for others what the catalogue does for itself. It
-- says so by the setting `geoscope.own_write`, and the triggers let it pass.

-- Small letters without accents, one space before and after each word: a phrase stands in a text if its words
-- do, as a piece of text. Any alphabet, whatever the database's own locale.
CREATE FUNCTION geoscope.words(sent text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ' ' || btrim(regexp_replace(
    lower(regexp_replace(normalize(sent, NFD), '[\u0300-\u036f]+', '', 'g') COLLATE "und-x-icu"),
    '[^[:alnum:]]+', ' ', 'g'
)) || ' ';

-- Words cut to what a lexeme may hold. An index by them is a sieve; the words themselves decide.
CREATE FUNCTION geoscope.lexemes(words text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT array_to_tsvector(coalesce(array_agg(DISTINCT left(word, 500)), '{}'))
    FROM string_to_table(btrim(words), ' ') AS word
    WHERE word <> ''
);

CREATE FUNCTION geoscope.all_lexemes(words text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT string_agg('''' || left(word, 500) || '''', ' & ')::tsquery
    FROM string_to_table(btrim(words), ' ') AS word
    WHERE word <> ''
);

-- As geoscope.catalogue.words puts them together for the catalogue's own items and collections.
CREATE FUNCTION geoscope.text_of(id text, fields jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN concat_ws(
    E'\n', id, fields->>'title', fields->>'description',
    (SELECT string_agg(keyword, E'\n') FROM jsonb_array_elements_text(
        CASE jsonb_typeof(fields->'keywords') WHEN 'array' THEN fields->'keywords' END) AS keyword),
    (SELECT string_agg(provider->>'name', E'\n') FROM jsonb_array_elements(
        CASE jsonb_typeof(fields->'providers') WHEN 'array' THEN fields->'providers' END) AS provider),
    (SELECT string_agg(concat_ws(E'\n', name, variable->>'title', variable->>'description'), E'\n')
     FROM jsonb_each(CASE jsonb_typeof(fields->'cube:variables')
        WHEN 'object' THEN fields->'cube:variables' END) AS variables (name, variable))
);

-- Microseconds since 1970-01-01T00:00:00Z.
CREATE FUNCTION geoscope.microseconds(instant timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (extract(epoch FROM instant) * 1000000)::bigint;

-- The microseconds of a time in text, or null if not everybody would read it alike: it exists, has an offset, and
-- nothing that is shorter than a microsecond.
CREATE FUNCTION geoscope.instant(sent text) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF sent ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d(\.\d{1,6}0*)?(Z|[+-]\d\d:\d\d)$' THEN
        RETURN geoscope.microseconds(sent::timestamptz);
    END IF;
    RETURN NULL;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;

-- A property by its name, or else by the path of names that leads to it.
CREATE FUNCTION geoscope.property(properties jsonb, name text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    part text;
BEGIN
    IF properties ? name OR strpos(name, '.') = 0 THEN
        RETURN properties->name;
    END IF;
    FOREACH part IN ARRAY string_to_array(name, '.') LOOP
        properties := CASE jsonb_typeof(properties) WHEN 'object' THEN properties->part END;
    END LOOP;
    RETURN properties;
END
$$;

-- A value if it is of this kind, and null if not.
CREATE FUNCTION geoscope.number(value jsonb) RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(value) = 'number' THEN CASE
    WHEN abs(value::numeric) < 1.7e308 THEN value::float8
    ELSE sign(value::numeric)::float8 * float8 'Infinity'
END END;

CREATE FUNCTION geoscope.text(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(value) = 'string' THEN value #>> '{}' END;

CREATE FUNCTION geoscope.truth(value jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(value) = 'boolean' THEN value::boolean END;

-- Values of any kind are sorted by kind first; arrays and objects as if they lacked.
CREATE FUNCTION geoscope.kind(value jsonb) RETURNS int
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE jsonb_typeof(value) WHEN 'number' THEN 0 WHEN 'string' THEN 1 WHEN 'boolean' THEN 2 END;

CREATE TABLE geoscope.collections (
    id text PRIMARY KEY REFERENCES pgstac.collections (id) ON DELETE CASCADE ON UPDATE CASCADE,
    title text NOT NULL,
    -- Degrees; west > east crosses the antimeridian.
    west float8 NOT NULL, south float8 NOT NULL, east float8 NOT NULL, north float8 NOT NULL,
    start_us bigint NOT NULL, end_us bigint NOT NULL,
    words text NOT NULL,
    backends text[] NOT NULL,
    owner text,
    -- Null: everybody.
    readers text[],
    -- Whom its data is for. Null: everybody.
    policy text,
    -- Null: another client wrote items, and nobody has counted since.
    item_count bigint DEFAULT 0
);
CREATE INDEX private_collections ON geoscope.collections (id) WHERE readers IS NOT NULL;
CREATE INDEX limited_collections ON geoscope.collections (id) WHERE policy IS NOT NULL;

-- How far long work such as a bulk load has come, written in the transaction that it belongs to.
CREATE TABLE geoscope.checkpoints (name text PRIMARY KEY, state bytea NOT NULL);

CREATE FUNCTION geoscope.box_of(extent jsonb) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    sent float8[] := ARRAY(SELECT side::float8 FROM jsonb_array_elements_text(extent #> '{spatial,bbox,0}') AS side);
BEGIN
    RETURN CASE cardinality(sent)
        WHEN 4 THEN sent
        WHEN 6 THEN ARRAY[sent[1], sent[2], sent[4], sent[5]]
        ELSE ARRAY[-180, -90, 180, 90]
    END;
EXCEPTION WHEN data_exception THEN
    RETURN ARRAY[-180, -90, 180, 90];
END
$$;

-- A row beside each of pgstac's collections, whoever wrote it. The catalogue corrects it by its own records.
CREATE FUNCTION geoscope.collection_written() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pgstac, public SET timezone = 'UTC' AS $$
DECLARE
    extent jsonb := NEW.content->'extent';
    box float8[] := geoscope.box_of(extent);
    backends jsonb := NEW.content #> '{summaries,federation:backends}';
BEGIN
    INSERT INTO geoscope.collections AS kept
        (id, title, west, south, east, north, start_us, end_us, words, backends)
    VALUES (
        NEW.id, coalesce(nullif(NEW.content->>'title', ''), NEW.id), box[1], box[2], box[3], box[4],
        coalesce(geoscope.instant(extent #>> '{temporal,interval,0,0}'), -(2::bigint << 59)),
        coalesce(geoscope.instant(extent #>> '{temporal,interval,0,1}'), 2::bigint << 59),
        geoscope.words(geoscope.text_of(NEW.id, NEW.content)),
        CASE jsonb_typeof(backends)
            WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(backends))
            ELSE ARRAY['geoscope']
        END
    )
    ON CONFLICT (id) DO UPDATE SET
        title = excluded.title, west = excluded.west, south = excluded.south, east = excluded.east,
        north = excluded.north, start_us = excluded.start_us, end_us = excluded.end_us,
        words = excluded.words, backends = excluded.backends;
    RETURN NULL;
END
$$;

CREATE TRIGGER geoscope_collection_written AFTER INSERT OR UPDATE OF content ON pgstac.collections
FOR EACH ROW EXECUTE FUNCTION geoscope.collection_written();

CREATE FUNCTION geoscope.private_of(id text, content jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_build_object('words', geoscope.words(geoscope.text_of(id, content->'properties')));

CREATE FUNCTION geoscope.item_written_by_another() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pgstac, public AS $$
BEGIN
    UPDATE geoscope.collections SET item_count = NULL
    WHERE id = coalesce(NEW.collection, OLD.collection) AND item_count IS NOT NULL AND TG_OP <> 'UPDATE';
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    NEW.private := coalesce(NEW.private, '{}') || geoscope.private_of(NEW.id, NEW.content);
    RETURN NEW;
END
$$;

CREATE TRIGGER geoscope_item_written_by_another BEFORE INSERT OR UPDATE OR DELETE ON pgstac.items
FOR EACH ROW WHEN (current_setting('geoscope.own_write', true) IS DISTINCT FROM 'on')
EXECUTE FUNCTION geoscope.item_written_by_another();

-- On pgstac's template too: else its maintenance takes it for an index that nobody wants.
CREATE INDEX geoscope_words_idx ON pgstac.items USING gin (geoscope.lexemes(private->>'words'));
CREATE INDEX geoscope_words_template_idx ON pgstac.queryable_index_template
USING gin (geoscope.lexemes(private->>'words'));

-- pgstac leaves out of an item what its collection says of all items, and null members with it. The catalogue
-- keeps items whole: it tags them with a base item that is null, from which nothing is taken.
CREATE FUNCTION geoscope.whole_item_base(of_collection text) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    base int;
BEGIN
    SELECT id INTO base FROM pgstac.base_items WHERE collection = of_collection AND base_item = 'null';
    IF base IS NOT NULL THEN
        RETURN base;
    END IF;
    -- The first row is the base of all items without a tag, as pgstac itself keeps it at a first change.
    INSERT INTO pgstac.base_items (collection, base_item)
    SELECT id, base_item FROM pgstac.collections
    WHERE id = of_collection AND NOT EXISTS (SELECT FROM pgstac.base_items WHERE collection = of_collection);
    INSERT INTO pgstac.base_items (collection, base_item) VALUES (of_collection, 'null')
    RETURNING id INTO base;
    RETURN base;
END
$$;

-- The column holds the geometry that is searched: valid, flat, cut at the antimeridian. A document that says
-- it in other words keeps its own.
CREATE FUNCTION geoscope.searched_geometry(shape bytea, is_whole_box boolean, geojson jsonb)
RETURNS public.geometry
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = public AS $$
DECLARE
    place geometry;
BEGIN
    IF shape IS NULL THEN
        RETURN ST_SetSRID('GEOMETRYCOLLECTION EMPTY'::geometry, 4326);
    END IF;
    IF is_whole_box AND geojson->>'type' IN ('Point', 'Polygon') THEN
        place := ST_Force2D(ST_GeomFromGeoJSON(geojson));
        IF ST_IsValid(place) THEN
            RETURN place;
        END IF;
    END IF;
    RETURN ST_GeomFromWKB(shape, 4326);
END
$$;

-- Add or replace items of one collection, as pgstac's staging tables do it.
CREATE FUNCTION geoscope.put_items(
    of_collection text, ids text[], starts timestamptz[], ends timestamptz[], shapes bytea[],
    are_whole_boxes boolean[], texts text[], documents text[]
) RETURNS void
LANGUAGE plpgsql SET search_path = pgstac, public SET timezone = 'UTC' AS $$
DECLARE
    base jsonb := jsonb_build_object('pgstac:base_item', geoscope.whole_item_base(of_collection));
    partitioned_by text := (SELECT partition_trunc FROM collections WHERE id = of_collection);
    removed bigint;
BEGIN
    PERFORM check_partition(
        of_collection, tstzrange(min(starting), max(starting), '[]'), tstzrange(min(ending), max(ending), '[]')
    )
    FROM unnest(starts, ends) AS sent (starting, ending)
    GROUP BY date_trunc(partitioned_by, starting)
    ORDER BY date_trunc(partitioned_by, starting);

    DELETE FROM items WHERE collection = of_collection AND id = ANY (ids);
    GET DIAGNOSTICS removed = ROW_COUNT;

    INSERT INTO items (id, geometry, collection, datetime, end_datetime, content, private)
    SELECT
        id, place, of_collection, starting, ending,
        document - ARRAY['id', 'collection', 'type',
            -- Compared as text: 10.0 is not written as 10.
            CASE WHEN ST_AsGeoJSON(place, 20)::jsonb::text = document->>'geometry' THEN 'geometry' ELSE 'id' END
        ] || base,
        jsonb_build_object('words', geoscope.words(words))
    FROM (
        SELECT sent.*, geoscope.searched_geometry(shape, is_whole_box, document->'geometry') AS place
        FROM (
            SELECT id, starting, ending, shape, is_whole_box, words, document::jsonb
            FROM unnest(ids, starts, ends, shapes, are_whole_boxes, texts, documents)
                AS sent (id, starting, ending, shape, is_whole_box, words, document)
            OFFSET 0
        ) AS sent
        OFFSET 0
    ) AS placed;

    UPDATE geoscope.collections SET item_count = item_count + cardinality(ids) - removed
    WHERE id = of_collection;
END
$$;

CREATE FUNCTION geoscope.delete_item(of_collection text, of_id text) RETURNS void
LANGUAGE plpgsql SET search_path = pgstac, public AS $$
BEGIN
    DELETE FROM items WHERE collection = of_collection AND id = of_id;
    IF FOUND THEN
        UPDATE geoscope.collections SET item_count = item_count - 1 WHERE id = of_collection;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA geoscope TO pgstac_read, pgstac_ingest;
GRANT SELECT ON ALL TABLES IN SCHEMA geoscope TO pgstac_read;
GRANT ALL ON ALL TABLES IN SCHEMA geoscope TO pgstac_ingest;
