// The JDBC driver with each set of options, three connections in turns: a line `options name value`
// for each thing that was seen.

import java.io.StringReader;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

public class CheckJdbc {
    static final String TABLE = System.getenv("TEST_TABLE");
    static int next = 0;
    static String options;

    public static void main(String[] all) throws Exception {
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT")
            + "/" + System.getenv("PGDATABASE");
        for (String each : all) {
            options = each;
            checkAll(url + "?" + each);
        }
        try (Connection last = DriverManager.getConnection(url, login())) {
            say("error", cancelled(last));
        }
    }

    static void checkAll(String url) throws Exception {
        List<Connection> connections = new ArrayList<>();
        for (int at = 0; at < 3; at++) connections.add(DriverManager.getConnection(url, login()));
        for (int round = 0; round < 3; round++)
            for (int at = 0; at < 3; at++) check(connections.get(at), at);
        say("rows", one(connections.get(0), "SELECT count(*) FROM " + TABLE));
        execute(connections.get(1), "TRUNCATE " + TABLE);
        for (Connection each : connections) each.close();
    }

    static Properties login() {
        Properties login = new Properties();
        login.put("user", System.getenv("PGUSER"));
        login.put("password", System.getenv("PGPASSWORD"));
        return login;
    }

    static void check(Connection own, int at) throws Exception {
        for (int turn = 0; turn < 7; turn++) say("doubled", doubled(own, turn) - 2 * turn);
        execute(own, "SET work_mem = '" + (at + 1) + "MB'");
        say("error", failure(own, "SELECT 1 / 0"));
        own.setAutoCommit(false);
        insert(own, 5);
        own.rollback();
        insert(own, 5);
        Savepoint before = own.setSavepoint();
        say("error", failure(own, "SELECT nosuch"));
        own.rollback(before);
        own.commit();
        say("fetched", fetched(own, 23));
        own.commit();
        say("large", largeObject(own));
        own.commit();
        own.setReadOnly(true);
        say("error", failure(own, "DELETE FROM " + TABLE));
        own.rollback();
        own.setReadOnly(false);
        own.setAutoCommit(true);
        say("columns", columns(own));
        say("copied", own.unwrap(PGConnection.class).getCopyAPI().copyIn(
            "COPY " + TABLE + " FROM STDIN", new StringReader(next++ + "\tcopied\n")));
        say("kept", Integer.parseInt(one(own, "SHOW work_mem").replace("MB", "")) - at);
    }

    static int doubled(Connection own, int number) throws SQLException {
        try (PreparedStatement asked = own.prepareStatement("SELECT ?::int * 2")) {
            asked.setInt(1, number);
            ResultSet found = asked.executeQuery();
            found.next();
            return found.getInt(1);
        }
    }

    static void insert(Connection own, int count) throws SQLException {
        String text = "INSERT INTO " + TABLE + " VALUES (?, ?)";
        try (PreparedStatement asked = own.prepareStatement(text)) {
            for (int each = 0; each < count; each++) {
                asked.setInt(1, next++);
                asked.setString(2, "batch");
                asked.addBatch();
            }
            asked.executeBatch();
        }
    }

    static int fetched(Connection own, int count) throws SQLException {
        try (PreparedStatement asked = own.prepareStatement("SELECT generate_series(1, ?)")) {
            asked.setFetchSize(5);
            asked.setInt(1, count);
            int rows = 0;
            for (ResultSet found = asked.executeQuery(); found.next(); ) rows++;
            return rows;
        }
    }

    static int largeObject(Connection own) throws SQLException {
        LargeObjectManager objects = own.unwrap(PGConnection.class).getLargeObjectAPI();
        long number = objects.createLO();
        LargeObject opened = objects.open(number);
        opened.write(new byte[] {1, 2, 3});
        opened.seek(0);
        int size = opened.read(8).length;
        opened.close();
        objects.delete(number);
        return size;
    }

    static int columns(Connection own) throws SQLException {
        int count = 0;
        ResultSet found = own.getMetaData().getColumns(null, null, TABLE, null);
        while (found.next()) count++;
        return count;
    }

    static String cancelled(Connection own) throws SQLException {
        try (Statement asked = own.createStatement()) {
            asked.setQueryTimeout(1);
            asked.execute("SELECT pg_sleep(60)");
            return "none";
        } catch (SQLException error) {
            return error.getSQLState();
        }
    }

    static String failure(Connection own, String text) throws SQLException {
        try (Statement asked = own.createStatement()) {
            asked.execute(text);
            return "none";
        } catch (SQLException error) {
            return error.getSQLState();
        }
    }

    static void execute(Connection own, String text) throws SQLException {
        try (Statement asked = own.createStatement()) {
            asked.execute(text);
        }
    }

    static String one(Connection own, String text) throws SQLException {
        try (Statement asked = own.createStatement(); ResultSet found = asked.executeQuery(text)) {
            found.next();
            return found.getString(1);
        }
    }

    static void say(String name, Object value) {
        System.out.println(options + " " + name + " " + value);
    }
}
